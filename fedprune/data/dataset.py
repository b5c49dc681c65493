"""Data sets by name: decoded once to uint8, cached as .npy files and memory-mapped ever after."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fedprune import plugins
from fedprune.data import cache, reader
from fedprune.data.errors import DataError as DataError
from fedprune.data.image_set import Augmentation, ImageSet, Samples
from fedprune.types import Array

LAYOUT = 1
"""Raised when what is decoded, or how it is stored, changes: older cache entries are then made anew."""


@dataclass(frozen=True)
class Dataset:
    """An image classification set, its images memory-mapped and read-only.

    ``train_x`` and ``test_x`` are uint8 (N, C, H, W), ``train_y`` and ``test_y`` int64 (N,); ``mean`` and
    ``std`` are per channel, of pixels scaled to 0..1. ``columns`` are further columns of the training
    samples, each of length N. ``fingerprint`` is the sha256 of all arrays: equal for equal samples, wherever
    they were read from.
    """

    name: str
    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array
    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_classes: int
    fingerprint: str
    columns: Mapping[str, Array] = field(default_factory=dict)
    augmentation: Augmentation | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train_x.shape[1:]
        return channels, height, width


def load_dataset(name: str, root: str | os.PathLike[str] | None = None) -> Dataset:
    """The set of that name, from the cache when its source has been decoded before.

    The source is ``root/<name>/train-*.parquet`` (and test), where root defaults to the environment variable
    FEDPRUNE_DATA; without that folder it is the Hugging Face hub, once.

    Raises DataError when the set is not to be had or not readable, UnknownPluginError for an unknown name.
    """
    declared: ImageSet = plugins.load("datasets", name).SET
    root = root or os.environ.get("FEDPRUNE_DATA") or None
    folder = Path(root).expanduser() / name if root is not None else None
    if declared.read is not None:
        source: object = "bundled"
    elif folder is not None and folder.is_dir():
        source = [_identity(path) for paths in reader.local_files(folder).values() for path in paths]
    else:
        source, folder = declared.repo, None
    entry = cache.cache_folder("sets") / f"{name}-{cache.key(LAYOUT, _declaration(declared), source)}"
    if entry.is_dir():
        try:
            return _open(name, declared, entry)
        except (OSError, ValueError, KeyError):
            # Entries appear whole, so this one was damaged later.
            shutil.rmtree(entry, ignore_errors=True)
    training, test = _read(name, declared, folder, root)
    cache.add_folder(entry, lambda target: _store(target, training, test))
    return _open(name, declared, entry)


def normalise(x: Array, dataset: Dataset) -> Array:
    """uint8 images (..., C, H, W) as float32 with each channel's mean and standard deviation taken out."""
    scale = np.asarray([1 / (255 * std) for std in dataset.std], dtype=np.float32)[:, None, None]
    pairs = zip(dataset.mean, dataset.std, strict=True)
    shift = np.asarray([mean / std for mean, std in pairs], dtype=np.float32)[:, None, None]
    scaled = x.astype(np.float32)
    scaled *= scale
    scaled -= shift
    return scaled


def client_data(dataset: Dataset, indices: Array) -> tuple[Array, Array]:
    """The training samples at these indices: (normalised float32 (n, C, H, W), int64 labels (n,))."""
    return normalise(dataset.train_x[indices], dataset), dataset.train_y[indices]


def client_test_data(dataset: Dataset, indices: Array) -> tuple[Array, Array]:
    """The test samples at these indices: (normalised float32 (n, C, H, W), int64 labels (n,))."""
    return normalise(dataset.test_x[indices], dataset), dataset.test_y[indices]


def _read(
    name: str, declared: ImageSet, folder: Path | None, root: str | os.PathLike[str] | None
) -> tuple[Samples, Samples]:
    if declared.read is not None:
        return declared.read()
    if folder is not None:
        return reader.read_local(name, declared, folder)
    wanted = f"no folder {Path(root) / name}" if root is not None else "FEDPRUNE_DATA is not set"
    return reader.read_hub(name, declared, wanted)


def _declaration(declared: ImageSet) -> list[object]:
    columns = {name: list(known) for name, known in declared.columns.items()}
    return [list(declared.image), list(declared.label), columns, declared.test_by, len(declared.mean)]


def _identity(path: Path) -> list[object]:
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _store(target: Path, training: Samples, test: Samples) -> None:
    arrays = {"train_x": training.x, "train_y": training.y, "test_x": test.x, "test_y": test.y}
    arrays.update({f"column_{name}": column for name, column in training.columns.items()})
    digest = hashlib.sha256()
    for name, array in arrays.items():
        np.save(target / f"{name}.npy", array, allow_pickle=False)
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    meta = {"fingerprint": digest.hexdigest(), "columns": sorted(training.columns)}
    (target / "meta.json").write_text(json.dumps(meta), "utf-8")


def _open(name: str, declared: ImageSet, entry: Path) -> Dataset:
    meta = json.loads((entry / "meta.json").read_text("utf-8"))

    def array(stem: str) -> Array:
        return np.asarray(np.load(entry / f"{stem}.npy", mmap_mode="r", allow_pickle=False))

    return Dataset(
        name=name,
        train_x=array("train_x"),
        train_y=array("train_y"),
        test_x=array("test_x"),
        test_y=array("test_y"),
        mean=declared.mean,
        std=declared.std,
        num_classes=declared.num_classes,
        fingerprint=meta["fingerprint"],
        columns={column: array(f"column_{column}") for column in meta["columns"]},
        augmentation=declared.augmentation,
    )
