"""Who has which samples: partitions are made once and cached, or drawn client by client when asked for."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fedprune import plugins
from fedprune.data import cache, flower_partitioners
from fedprune.data.client_indices import DealtPartition, DrawnPartition, histogram
from fedprune.data.client_indices import Partition as Partition
from fedprune.data.errors import PartitionError as PartitionError
from fedprune.data.labels import Labels, labels_of
from fedprune.data.options import configured
from fedprune.data.partitioners import Drawing, Partitioner
from fedprune.data.split import divide_test, hold_out, natural_test
from fedprune.data.stored import Dataset
from fedprune.data.undivided import Undivided
from fedprune.types import Array

LAYOUT = 1
"""Raised when equal settings come to give another partition: older cache entries are then made anew."""

TEST_SPLITS = ("labels", "partition", "natural", "global")


def make_partition(
    dataset: Dataset,
    name: str,
    clients: int,
    arguments: Mapping[str, Any],
    validation: float,
    test: str,
    seed: int,
) -> Partition:
    """The partition with these settings: drawn as it is asked for, or from the cache if it was made before.

    ``name`` is a partitioner of ours ("shards") or of flwr-datasets ("DirichletPartitioner" or "dirichlet")
    and ``arguments`` are its own; a ``seed`` among them takes the place of the run's. ``validation`` is the
    share of each client's samples held out; ``test`` is "labels" (all test samples of the client's training
    labels, as in Sub-FedAvg), "partition" (divided among the clients like their samples), "natural" (all test
    samples of the natural clients whose training samples it has) or "global" (all). Where samples bear no
    label, "labels" and "partition" are read as "natural", or as "global" where nobody knows whose a sample
    is.

    Raises PartitionError, saying why, when it cannot be made.
    """
    labels = labels_of(dataset)
    settings = _settings(
        dataset, name, clients, arguments, validation, _test_split(test, dataset, labels), seed
    )
    bears = labels or Labels(
        np.zeros(len(dataset.train_y), np.int64), np.zeros(len(dataset.test_y), np.int64), 1, "none"
    )
    if dataset.part is not None:
        return _of_part(dataset.part, settings, bears)
    partitioner, undivided = _partitioner(settings), _undivided(dataset, labels)
    if isinstance(partitioner, Drawing):
        return _drawn(partitioner, settings, undivided, bears)
    _check_enough(dataset, clients)
    folder = cache.cache_folder("partitions")
    cached = _open(_entry(folder, settings), settings, bears)
    if cached is not None:
        return cached
    parts = _make(dataset, settings, labels, partitioner, undivided)
    flat = {part: np.concatenate(rows).astype(np.int32) for part, rows in parts.items()}
    offsets = {part: np.cumsum([0, *map(len, rows)], dtype=np.int64) for part, rows in parts.items()}
    made = DealtPartition.of(settings, flat, offsets, bears)
    store(made, folder)
    return made


def describe_partitioners() -> dict[str, str]:
    """Name -> one line, of every partitioner that can be asked for; imports nothing of flwr-datasets."""
    return {**flower_partitioners.describe(), **plugins.describe("partitioners")}


def _code(name: str) -> str:
    """What tells a partitioner's code from its earlier states, whose partitions must not be used."""
    if not _ours(name):
        return version("flwr-datasets")
    file = plugins.source("partitioners", name)
    return "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()


def _ours(name: str) -> bool:
    return plugins.is_path(name) or name in plugins.names("partitioners")


def _test_split(test: str, dataset: Dataset, labels: Labels | None) -> str:
    """The test split that is made of what was asked for, checked."""
    if test not in TEST_SPLITS:
        raise PartitionError(f"partition.test '{test}'{plugins.suggest(test, list(TEST_SPLITS))}")
    if test in ("labels", "partition") and labels is None:
        return "global" if dataset.client_key is None else "natural"
    if test == "natural" and (dataset.client_key is None or dataset.client_key not in dataset.test_columns):
        raise PartitionError(
            f"partition.test = 'natural': '{dataset.name}' does not say whose a test sample is; name the "
            "column with data.client, or test on 'labels' or 'global'"
        )
    return test


def _settings(
    dataset: Dataset,
    name: str,
    clients: int,
    arguments: Mapping[str, Any],
    validation: float,
    test: str,
    seed: int,
) -> dict[str, Any]:
    """All that the partition depends on, checked."""
    if not 0 <= validation < 1:
        raise PartitionError(f"partition.validation is a share from 0 to below 1, not {validation}")
    own = dict(arguments)
    seed = own.pop("seed", seed)
    if not isinstance(seed, int):
        raise PartitionError(f"partition.seed is a whole number, not {seed!r}")
    return {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "name": name if _ours(name) else flower_partitioners.class_name(name),
        "clients": clients,
        "seed": seed,
        "arguments": own,
        "validation": validation,
        "test": test,
    }


def _check_enough(dataset: Dataset, clients: int) -> None:
    if not 1 <= clients <= len(dataset.train_y):
        raise PartitionError(
            f"partition.clients = {clients}: '{dataset.name}' has {len(dataset.train_y)} samples; with "
            "partition.name = 'drawn' clients may have the same ones"
        )


def _partitioner(settings: Mapping[str, Any]) -> Partitioner | None:
    """The partitioner, if it is a plug-in."""
    if not _ours(settings["name"]):
        return None
    made: Partitioner = configured("partitioners", "partition", settings["name"], settings["arguments"])
    return made


def _undivided(dataset: Dataset, labels: Labels | None) -> Undivided:
    return Undivided(
        len(dataset.train_y), labels.train if labels else None, dataset.columns, dataset.client_key
    )


def _drawn(
    partitioner: Drawing, settings: Mapping[str, Any], undivided: Undivided, bears: Labels
) -> DrawnPartition:
    """The partition whose clients' samples are drawn when they are asked for."""
    if settings["test"] == "natural":
        raise PartitionError(
            f"partition '{settings['name']}' draws samples whoever they belong to, so that test = 'natural' "
            "says nothing; test on 'labels', 'partition' or 'global'"
        )
    test = Undivided(len(bears.test), None if undivided.labels is None else bears.test)
    decides = {**settings, "arguments": repr(partitioner), "code": _code(settings["name"])}
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()
    made = DrawnPartition(settings, bears, digest, partitioner, undivided, test)
    made.train(0)  # What cannot be drawn at all is told now.
    return made


def _make(
    dataset: Dataset,
    settings: Mapping[str, Any],
    labels: Labels | None,
    partitioner: Partitioner | None,
    undivided: Undivided,
) -> dict[str, list[Array]]:
    """Indices of each client's "train", "validation" and "test" samples."""
    clients, seed = settings["clients"], settings["seed"]
    if partitioner is not None:
        samples = partitioner.divide(undivided, clients, seed)
    else:
        name, arguments = settings["name"], settings["arguments"]
        samples = flower_partitioners.divide(name, undivided, clients, arguments, seed)
    train, validation = hold_out(samples, settings["validation"], seed)
    test = [np.zeros(0, np.int64)] * clients
    if settings["test"] == "partition":
        assert labels is not None
        offsets = np.cumsum([0, *map(len, samples)])
        held = histogram(np.concatenate(samples), offsets, labels.train, labels.count)
        test = divide_test(held, labels.test, seed)
    elif settings["test"] == "natural":
        assert dataset.client_key is not None
        test = natural_test(
            samples, dataset.columns[dataset.client_key], dataset.test_columns[dataset.client_key]
        )
    return {"train": train, "validation": validation, "test": test}


def _of_part(folder: Path, settings: Mapping[str, Any], bears: Labels) -> DealtPartition:
    """The partition as far as a client's part of the data set knows it. Raises PartitionError."""
    found = _open(_entry(folder, settings), settings, bears)
    if found is None:
        raise PartitionError(
            f"{folder} holds a part for another partition, seed or version of flwr-datasets: cut the data "
            "again, for this scenario"
        )
    return found


def _entry(folder: Path, settings: Mapping[str, Any]) -> Path:
    return folder / f"{settings['dataset']}-{cache.key(LAYOUT, _code(settings['name']), settings)}.npz"


def store(partition: DealtPartition, folder: Path) -> None:
    """Write a partition into the cache, or into the folder of a client's part. Raises DataError."""
    arrays = {f"{part}_flat": array for part, array in partition.flat.items()}
    arrays.update({f"{part}_offsets": array for part, array in partition.offsets.items()})
    arrays["hash"] = np.frombuffer(bytes.fromhex(partition.hash), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    cache.add_file(_entry(folder, partition.settings), buffer.getvalue())


def _open(entry: Path, settings: Mapping[str, Any], bears: Labels) -> DealtPartition | None:
    """The stored partition; None when there is none or it is damaged, and so has to be made."""
    try:
        with entry.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            flat = {part: file[f"{part}_flat"] for part in ("train", "validation", "test")}
            offsets = {part: file[f"{part}_offsets"] for part in ("train", "validation", "test")}
            stored = file["hash"].tobytes().hex()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    partition = DealtPartition.of(settings, flat, offsets, bears)
    return partition if partition.hash == stored else None
