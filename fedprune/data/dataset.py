"""Data sets by name: decoded once, cached as .npy files and memory-mapped ever after."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedprune import plugins
from fedprune.data import hub, stored
from fedprune.data.declared import BundledSet, HubSet
from fedprune.data.errors import DataError as DataError
from fedprune.data.schema import Content
from fedprune.data.standardise import normalise
from fedprune.data.stored import Dataset as Dataset
from fedprune.types import Array


def load_dataset(name: str, root: str | os.PathLike[str] | None = None) -> Dataset:
    """The set of that name, from the cache when its source has been decoded before.

    The source is ``root/<name>/train-*.parquet`` (and test), where root defaults to the environment variable
    FEDPRUNE_DATA; without that folder it is the Hugging Face hub, once.

    Raises DataError when the set is not to be had or not readable, UnknownPluginError for an unknown name.
    """
    declared: BundledSet | HubSet = plugins.load("datasets", name).SET
    if isinstance(declared, BundledSet):
        return stored.dataset(name, "bundled", declared.read)
    root = root or os.environ.get("FEDPRUNE_DATA") or None
    folder = Path(root).expanduser() / name if root is not None else None
    if folder is not None and folder.is_dir():
        source: object = [_identity(path) for paths in hub.local_files(folder).values() for path in paths]
    else:
        source, folder = declared.repo, None
    return stored.dataset(name, [_declaration(declared), source], lambda: _read(name, declared, folder, root))


def client_data(dataset: Dataset, indices: Array) -> tuple[Array, Array]:
    """The training samples at these indices: (features as a model is given them, targets)."""
    return normalise(dataset.train_x[indices], dataset.features), dataset.train_y[indices]


def client_test_data(dataset: Dataset, indices: Array) -> tuple[Array, Array]:
    """The test samples at these indices: (features as a model is given them, targets)."""
    return normalise(dataset.test_x[indices], dataset.features), dataset.test_y[indices]


def _read(name: str, declared: HubSet, folder: Path | None, root: str | os.PathLike[str] | None) -> Content:
    if folder is not None:
        return hub.read_local(name, declared, folder)
    wanted = f"no folder {Path(root) / name}" if root is not None else "FEDPRUNE_DATA is not set"
    return hub.read_hub(name, declared, wanted)


def _declaration(declared: HubSet) -> dict[str, Any]:
    """What of a declaration decides what is stored, as JSON."""
    return {key: value for key, value in asdict(declared).items() if key not in ("repo", "decode")}


def _identity(path: Path) -> list[object]:
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]
