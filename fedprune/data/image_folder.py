"""Images in a folder: ``<class>/*.png`` and the like, or ``train/<class>/`` and ``test/<class>/``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fedprune.data.errors import DataError
from fedprune.data.images import decoded
from fedprune.data.own import Own, Split

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

Classes = dict[str, list[Path]]
"""Name of a class -> its images, both sorted."""


def image_files(folder: Path) -> dict[str, Classes]:
    """The images of each split by class; without a folder "train" all are for training. Empty without
    images."""
    if not folder.is_dir():
        return {}
    splits = {"train": folder / "train", "test": folder / "test"}
    if not splits["train"].is_dir():
        splits = {"train": folder}
    found = {split: _classes(path) for split, path in splits.items() if path.is_dir()}
    return found if found["train"] else {}


def own_images(where: str, splits: dict[str, Classes]) -> Own:
    """The images of all splits with the names of their subfolders as targets.

    Raises DataError for a file that holds no image, for images of several sizes, and for a class that is in
    the test split only.
    """
    training = splits["train"]
    for label in splits.get("test", {}):
        if label not in training:
            raise DataError(f"'{where}': class '{label}' has images for testing but none for training")
    first = _split(where, training, None)
    test = splits.get("test")
    return Own(first, _split(where, test, first.x.shape[1:]) if test else None)


def _classes(folder: Path) -> Classes:
    found = {
        path.name: sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".")
    }
    return {label: files for label, files in found.items() if files}


def _split(where: str, classes: Classes, shape: tuple[int, ...] | None) -> Split:
    files = [file for own in classes.values() for file in own]
    x = decoded(
        f"'{where}'",
        ((f"{file.parent.name}/{file.name}", file.read_bytes()) for file in files),
        len(files),
        shape,
    )
    return Split(x, np.repeat(list(classes), [len(own) for own in classes.values()]))
