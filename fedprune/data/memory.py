"""Data sets that are handed over in memory: written once into the cache, and found there by their content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.data import cache, stored
from fedprune.data.errors import DataError
from fedprune.data.own import Own, Split, content_of
from fedprune.data.schema import Content
from fedprune.data.stored import Dataset
from fedprune.data.table import Columns, own_table
from fedprune.scenario.section import MEMORY
from fedprune.types import Array

if TYPE_CHECKING:
    import polars

KINDS = (
    "(features, targets) as numpy arrays or torch tensors, a pandas or polars frame, a datasets.Dataset, or "
    'a dict with these as "train" and "test"'
)

FRAMES = (("polars", "DataFrame"), ("pandas", "DataFrame"), ("datasets", "Dataset"))
"""Library and class of what has named columns."""


def keep(data: Any, columns: Columns | None = None, task: str | None = None, where: str = "data") -> str:
    """Write a data set into the cache unless it is there, and return its hash: 24 hex digits.

    ``data`` is one of KINDS. Pairs may have a third part, whose each sample is; a dict may have a
    "vocabulary", which makes whole numbers token ids. ``columns`` says which columns of a frame are what, and
    ``task`` is the scenario's. Raises DataError when ``data`` is not such a thing.
    """
    content = data if isinstance(data, Content) else content_of(where, _own(where, data, columns), task)
    found = stored.fingerprint(stored.arrays_of(content))
    schema = [asdict(content.features), asdict(content.targets), content.task, content.client_key]
    name = cache.key(stored.LAYOUT, found, json.dumps(schema, sort_keys=True))
    entry = cache.cache_folder("contents") / name
    if not entry.is_dir():
        cache.add_folder(entry, lambda target: stored.store(target, content))
    return name


def kept(content: str, name: str = MEMORY) -> Dataset:
    """The data set with this hash, called ``name``. Raises DataError when it is not in the cache any more."""
    entry = cache.cache_folder("contents") / content
    try:
        return stored.open_entry(name, entry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"the data that this run was handed in memory are not in the cache ({entry}); hand them over "
            "again: fedprune.run(scenario, data=...)"
        ) from error


def _own(where: str, data: Any, columns: Columns | None) -> Own:
    if not isinstance(data, Mapping):
        data = {"train": data}
    unknown = sorted(str(key) for key in data.keys() - {"train", "test", "vocabulary"})
    if unknown or "train" not in data:
        told = f"unknown key '{unknown[0]}'" if unknown else "no key 'train'"
        raise DataError(f"{where}: {told}; a dict has 'train', and may have 'test' and 'vocabulary'")
    training, test = data["train"], data.get("test")
    frames = [_frame(part) for part in (training, test)]
    if frames[0] is not None:
        if test is not None and frames[1] is None:
            raise DataError(f"{where}: 'train' is a table, so 'test' must be one")
        return own_table(where, frames[0], frames[1], columns or Columns())
    if columns:
        raise DataError(f"{where}: arrays have no named columns; leave out data.target and its like")
    return Own(
        _split(where, training),
        None if test is None else _split(where, test),
        vocabulary=data.get("vocabulary"),
    )


def _frame(data: Any) -> polars.DataFrame | None:
    """A frame of any of the libraries as one of polars; None where ``data`` is none."""
    library = type(data).__module__.split(".")[0]
    if (library, type(data).__name__) not in FRAMES:
        return None
    import polars

    made: Any
    if library == "pandas":
        made = polars.from_pandas(data)
    elif library == "datasets":
        made = polars.from_arrow(data.with_format("arrow")[:])
    else:
        made = data
    return polars.DataFrame(made)


def _split(where: str, given: Any) -> Split:
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise DataError(f"{where}: give {KINDS}, not {_told(given)}")
    x, y, *owners = (_array(where, part) for part in given)
    return Split(x, y, owners[0] if owners else None)


def _array(where: str, given: Any) -> Array:
    if hasattr(given, "detach"):  # a torch tensor, wherever it lives
        given = given.detach().cpu().numpy()
    try:
        made = np.asarray(given)
        if made.dtype == object:  # such as a column of texts
            made = np.asarray(made.tolist())
    except ValueError:
        made = np.asarray(None)
    if made.dtype == object or made.ndim == 0:
        raise DataError(f"{where}: {_told(given)} does not make an array; give numbers of one shape")
    return made


def _told(given: Any) -> str:
    length = f" of {len(given)}" if isinstance(given, tuple | list) else ""
    return f"a {type(given).__name__}{length}"
