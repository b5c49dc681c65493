"""A user's own files: a folder with one subfolder of images per class, or files with a table.

A name with a slash is such a folder or file: "./photos", "data/patients.csv". A relative one is looked for in
the working directory, then under the root of local data sets.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fedprune.data import cache
from fedprune.data.errors import DataError
from fedprune.data.image_folder import image_files, own_images
from fedprune.data.own import Own
from fedprune.data.table import Columns
from fedprune.data.table_files import own_table_files, table_files


def own_files(name: str, root: Path | None, columns: Columns) -> tuple[object, Callable[[], Own]]:
    """What tells these files from others (JSON-able), and what reads them.

    Raises DataError when there are none, or none that can be read.
    """
    path = _found(name, root)
    tables = table_files(path)
    if tables:
        identity: object = {
            split: [cache.identity(file) for file in files] for split, files in tables.items()
        }
        return identity, lambda: own_table_files(name, tables, columns)
    images = image_files(path)
    if not images:
        raise DataError(
            f"'{name}': no subfolders with images, and no .csv, .parquet or .jsonl files, in {path}; put one "
            "subfolder of images per class there, or a table"
        )
    if columns:
        raise DataError(f"'{name}': subfolders of images have no columns; leave out data.target and its like")
    identity = {
        split: {label: [cache.identity(file) for file in files] for label, files in classes.items()}
        for split, classes in images.items()
    }
    return identity, lambda: own_images(name, images)


def _found(name: str, root: Path | None) -> Path:
    path = Path(name).expanduser()
    places = [path] if path.is_absolute() or root is None else [path, root / path]
    for place in places:
        if place.exists():
            return place.resolve()
    raise DataError(f"'{name}': no such folder or file; looked at {', '.join(map(str, places))}")
