"""Parts of a data set, a folder each: one client's samples, or what the server needs, and nothing of the
others.

A part is laid out as a data set in the cache is, with arrays of the whole set's shapes, so that an index
means the same sample everywhere. The rows of others are holes: they read as zeros and take no room on the
disk. Beside a client's lies the partition, as far as it may know that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from fedprune.data import stored
from fedprune.data.errors import DataError
from fedprune.data.partition import Partition, store
from fedprune.data.stored import Dataset
from fedprune.types import Array

SERVER = "server"
"""The folder of the server's part; a client's is called by its number."""
_MARK = "part.json"

Rows = Mapping[str, Array | slice]
"""Name of an array -> which of its rows a part has."""


def write_parts(dataset: Dataset, partition: Partition, folder: Path) -> list[Path]:
    """Write the server's part and every client's into new folders under ``folder``; returns these.

    A client's part has its own samples for training, validation and testing. The server's has everything but
    the features of training samples: from their targets it knows labels, chance levels and the partition.

    Raises DataError when a part is there already or cannot be written.
    """
    parts = [folder / SERVER, *(folder / str(client) for client in range(partition.clients))]
    try:
        for client, part in enumerate(parts, start=-1):
            part.mkdir(parents=True)
            own = None if part.name == SERVER else partition.only(client)
            _write(dataset, _everything_but_features(dataset) if own is None else _rows(own, client), part)
            if own is not None:
                store(own, part)
            # Last: without it a folder is no part.
            mark = {"of": dataset.name, "client": None if own is None else client}
            (part / _MARK).write_text(json.dumps(mark), "utf-8")
    except FileExistsError as error:
        raise DataError(f"{error.filename} is there already: parts go into new folders") from error
    except OSError as error:
        raise DataError(f"{folder}: {error}") from error
    return parts


def opened(name: str, folder: Path) -> Dataset | None:
    """The part in ``folder`` of the data set that a scenario calls ``name``; None where no part is there.

    Raises DataError when it is one of another data set, or damaged.
    """
    if not (folder / _MARK).exists():
        return None
    called = Path(name).name
    try:
        mark = json.loads((folder / _MARK).read_text("utf-8"))
        if mark["of"] != called:
            raise DataError(f"{folder} holds a part of '{mark['of']}', the scenario is about '{called}'")
        return replace(stored.open_entry(called, folder), part=None if mark["client"] is None else folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: a damaged part of a data set: {error}; copy it anew") from error


def _everything_but_features(dataset: Dataset) -> Rows:
    return {name: slice(None) for name in stored.arrays_of(stored.content_of(dataset)) if name != "train_x"}


def _rows(own: Partition, client: int) -> Rows:
    training = np.concatenate([own.train(client), own.validation(client)])
    testing = own.test(client)
    return {"train_x": training, "train_y": training, "test_x": testing, "test_y": testing}


def _write(dataset: Dataset, rows: Rows, folder: Path) -> None:
    """The data set's arrays with the rows of ``rows`` alone; what is not named there is nothing but holes."""
    content = stored.content_of(dataset)
    for name, array in stored.arrays_of(content).items():
        target = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", array.dtype, array.shape)
        if name in rows:
            target[rows[name]] = array[rows[name]]
        target.flush()
    stored.describe(folder, content, dataset.fingerprint)
