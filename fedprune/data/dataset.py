"""Data sets by name: known ones, a user's own files, code and arrays; cached and memory-mapped ever after."""

from __future__ import annotations

import os
from pathlib import Path

from fedprune import plugins
from fedprune.data import memory, parts, stored
from fedprune.data.errors import DataError as DataError
from fedprune.data.errors import one_line
from fedprune.data.files import own_files
from fedprune.data.known import known_set
from fedprune.data.own import content_of
from fedprune.data.standardise import normalise
from fedprune.data.stored import Dataset as Dataset
from fedprune.data.table import Columns
from fedprune.scenario.section import MEMORY, is_file_name
from fedprune.types import Array, UserError


def load_dataset(
    name: str,
    root: str | os.PathLike[str] | None = None,
    *,
    columns: Columns | None = None,
    content: str | None = None,
    task: str | None = None,
) -> Dataset:
    """The data set that a scenario names.

    Args:
        name: a known set; a folder or file, told by its slash; an import path, "module:NAME", of data or of a
            function that gives them; or "memory".
        root: the folder of local data sets, FEDPRUNE_DATA unless given; or of a part of this one.
        columns: which columns of a table are what.
        content: the hash of data that were handed over in memory.
        task: the scenario's task, which decides what targets of whole numbers are.

    Raises:
        DataError: the set is not to be had, or not readable.
        UnknownPluginError: nothing has that name.
    """
    local = root or os.environ.get("FEDPRUNE_DATA") or None
    folder = Path(local).expanduser() if local is not None else None
    if folder is not None and (part := parts.opened(name, folder)) is not None:
        return part
    if name == MEMORY:
        if content is None:
            raise DataError(
                "data.name = 'memory' is for data that are handed over: fedprune.run(scenario, data=...)"
            )
        return memory.kept(content)
    if plugins.is_path(name):
        return memory.kept(_kept(name, columns or Columns(), task), name)
    if is_file_name(name):
        identity, read = own_files(name, folder, columns or Columns())
        source = [identity, str(columns), task]
        return stored.dataset(Path(name).name, source, lambda: content_of(f"'{name}'", read(), task))
    if columns:
        raise DataError(
            f"'{name}' declares its own columns; leave out data.target, data.client and data.features"
        )
    return known_set(name, folder)


def client_data(dataset: Dataset, indices: Array) -> tuple[Array, Array]:
    """The training samples at these indices: (features as a model is given them, targets)."""
    return normalise(dataset.train_x[indices], dataset.features), dataset.train_y[indices]


def client_test_data(dataset: Dataset, indices: Array) -> tuple[Array, Array]:
    """The test samples at these indices: (features as a model is given them, targets)."""
    return normalise(dataset.test_x[indices], dataset.features), dataset.test_y[indices]


def _kept(name: str, columns: Columns, task: str | None) -> str:
    """The hash of what stands at an import path, or of what the function there gives; asked once a
    process."""
    try:
        found = plugins.imported(name)
        data = found() if callable(found) else found
    except UserError:
        raise
    except Exception as error:  # whatever the user's own code raises
        raise DataError(f"data '{name}': {one_line(error)}") from error
    return memory.keep(data, columns, task, where=f"data '{name}'")
