"""The code that an artifact carries: fedprune as it is, and the user's plug-ins with what they import."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from fedprune.plugins import PACKAGE, Origin, bundled, is_installed
from fedprune.runs.files import RunError

_BESIDE = ("strategies", "scenarios")
"""Folders that stand beside the package in a checkout and inside it where it is installed."""

_LEFT_OUT = frozenset({"__pycache__"})


def own_code() -> Iterator[tuple[str, Path]]:
    """(name below ``fedprune/``, file) of all that fedprune consists of."""
    for path in _files(PACKAGE):
        name = path.relative_to(PACKAGE).as_posix()
        if name.partition("/")[0] not in _BESIDE:
            yield name, path
    for folder in _BESIDE:
        for path in _files(bundled(folder)):
            yield f"{folder}/{path.relative_to(bundled(folder)).as_posix()}", path


def users_code(origins: Iterable[Origin]) -> Iterator[tuple[str, Path]]:
    """(name below the folder in which a repeated run stands, file) of the user's plug-ins.

    A plug-in of a folder keeps its place in it, a module the place from which it is imported. What is
    installed is left out: the list of versions names its package. Raises RunError for a file whose place
    nothing tells.
    """
    for origin in origins:
        for path in origin.files:
            if not is_installed(path):
                yield _place(path, origin).as_posix(), path


def _place(path: Path, origin: Origin) -> Path:
    roots = [Path(entry or ".").absolute() for entry in sys.path]
    for root in [*([origin.folder] if origin.folder else []), *roots]:
        if path.is_relative_to(root):
            return path.relative_to(root)
    raise RunError(f"{path}: {origin.called} is imported from a folder that is not on the search path")


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not _LEFT_OUT.intersection(path.parts)
    )
