"""How a finished folder gets its name, all or nothing, and the folders above it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedprune.runs.files import fsync_folder, temporary_name


def install(new: Path, path: Path, replace: bool) -> None:
    """Gives the folder ``new`` the name ``path``; on failure both are again as they were. Raises OSError."""
    earlier = temporary_name(path.with_name(f"{path.name}.earlier"))
    if replace:
        os.rename(path, earlier)
    try:
        os.rename(new, path)
        fsync_folder(path.parent)
    except BaseException:
        if not new.exists():
            os.rename(path, new)
        if replace:
            os.rename(earlier, path)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


@contextmanager
def parents(folder: Path) -> Iterator[None]:
    """Makes ``folder`` and its parents; what it made goes again when the body fails. Raises OSError."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise
