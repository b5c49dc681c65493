"""Data sets as they lie in the cache: one .npy file an array, memory-mapped, and the schema as JSON."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fedprune.data import cache
from fedprune.data.schema import Augmentation, Content, Features, Samples, Targets
from fedprune.types import Array

LAYOUT = 2
"""Raised when what is decoded, or how it is stored, changes: older cache entries are then made anew."""


@dataclass(frozen=True)
class Dataset:
    """A data set, its arrays memory-mapped and read-only.

    ``train_x`` and ``test_x`` are (N, *features.shape) in the stored dtype, ``train_y`` and ``test_y`` (N,
    *targets.shape). ``columns`` are further columns of the training samples, each of length N, and
    ``test_columns`` those of the test samples. ``client_key`` names the column that says whose a sample is.
    ``task`` is the task that the set is for. ``fingerprint`` is the sha256 of all arrays: equal for equal
    samples, wherever they were read from. ``part`` is the folder of a client's part of the set, which has
    the whole set's fingerprint; None of other data.
    """

    name: str
    features: Features
    targets: Targets
    task: str
    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array
    fingerprint: str
    columns: Mapping[str, Array] = field(default_factory=dict)
    test_columns: Mapping[str, Array] = field(default_factory=dict)
    client_key: str | None = None
    part: Path | None = None


def dataset(name: str, source: object, read: Callable[[], Content]) -> Dataset:
    """The data set of that name, from the cache when this source (JSON-able) has been read before.

    Otherwise ``read`` gives it and it is written there. Raises DataError when it cannot be written, and what
    ``read`` raises.
    """
    entry = cache.cache_folder("sets") / f"{name}-{cache.key(LAYOUT, source)}"
    if entry.is_dir():
        try:
            return open_entry(name, entry)
        except (OSError, ValueError, KeyError, TypeError):
            # Entries appear whole, so this one was damaged later.
            shutil.rmtree(entry, ignore_errors=True)
    content = read()
    cache.add_folder(entry, lambda target: store(target, content))
    return open_entry(name, entry)


def content_of(dataset: Dataset) -> Content:
    """A data set as its source gave it."""
    return Content(
        Samples(dataset.train_x, dataset.train_y, dataset.columns),
        Samples(dataset.test_x, dataset.test_y, dataset.test_columns),
        dataset.features,
        dataset.targets,
        dataset.task,
        dataset.client_key,
    )


def arrays_of(content: Content) -> dict[str, Array]:
    """Stem of the file -> array, in the order in which the fingerprint takes them."""
    training, test = content.training, content.test
    arrays = {"train_x": training.x, "train_y": training.y, "test_x": test.x, "test_y": test.y}
    arrays.update({f"column_{name}": column for name, column in training.columns.items()})
    arrays.update({f"test_column_{name}": column for name, column in test.columns.items()})
    return arrays


def fingerprint(arrays: Mapping[str, Array]) -> str:
    """The sha256 of names, dtypes, shapes and bytes of arrays, in their order."""
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def store(target: Path, content: Content) -> None:
    """Write all of a data set into the folder ``target``."""
    arrays = arrays_of(content)
    for name, array in arrays.items():
        np.save(target / f"{name}.npy", array, allow_pickle=False)
    describe(target, content, fingerprint(arrays))


def describe(target: Path, content: Content, fingerprint: str) -> None:
    """Write into the folder ``target`` what its arrays are."""
    meta = {
        "fingerprint": fingerprint,
        "features": asdict(content.features),
        "targets": asdict(content.targets),
        "task": content.task,
        "client_key": content.client_key,
        "columns": sorted(content.training.columns),
        "test_columns": sorted(content.test.columns),
    }
    (target / "meta.json").write_text(json.dumps(meta), "utf-8")


def open_entry(name: str, entry: Path) -> Dataset:
    """The data set in a folder of the cache. Raises OSError, ValueError, KeyError or TypeError if damaged."""
    meta = json.loads((entry / "meta.json").read_text("utf-8"))

    def array(stem: str) -> Array:
        return np.asarray(np.load(entry / f"{stem}.npy", mmap_mode="r", allow_pickle=False))

    return Dataset(
        name=name,
        features=_features(meta["features"]),
        targets=Targets(**_tuples(meta["targets"])),
        task=meta["task"],
        train_x=array("train_x"),
        train_y=array("train_y"),
        test_x=array("test_x"),
        test_y=array("test_y"),
        fingerprint=meta["fingerprint"],
        columns={column: array(f"column_{column}") for column in meta["columns"]},
        test_columns={column: array(f"test_column_{column}") for column in meta["test_columns"]},
        client_key=meta["client_key"],
    )


def _features(plain: dict[str, Any]) -> Features:
    given = plain["augmentation"]
    return Features(**{**_tuples(plain), "augmentation": Augmentation(**given) if given else None})


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}
