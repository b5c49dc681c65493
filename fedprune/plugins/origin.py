"""Where the code of a user's plug-in came from, so that a run can say so and tell when it has changed."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fedprune.plugins.code import check_path, is_path
from fedprune.plugins.kinds import KINDS
from fedprune.plugins.local_code import local_files
from fedprune.plugins.places import find


@dataclass(frozen=True)
class Origin:
    """The file of a plug-in that is not fedprune's own."""

    kind: str
    name: str
    file: Path
    """Absolute."""
    files: tuple[Path, ...]
    """The file, and the modules of the user's own that it imports."""
    sha256: str
    """The hash of what the file holds; where it imports others of the user's, of their hashes too."""
    folder: Path | None
    """The folder that was searched; None for an installed module."""

    @property
    def called(self) -> str:
        """The plug-in for a message: ``strategy 'mine'``."""
        return f"{KINDS[self.kind].called} '{self.name}'"


def origin(kind: str, name: str) -> Origin | None:
    """Where the plug-in of that name or import path comes from; None for fedprune's own.

    Raises UnknownPluginError when there is none.
    """
    place = None if is_path(name) else find(kind, name)
    file = None if place is not None and place.own else source(kind, name)
    if file is None:
        return None
    folder = file.parents[1] if place is not None and place.point is None else None
    files = local_files(file)
    return Origin(kind, name, file, files, _digest(files), folder)


def source(kind: str, name: str) -> Path | None:
    """The file of the plug-in of that name or import path, fedprune's own too; None for a module without one.

    Raises UnknownPluginError when there is none.
    """
    if is_path(name):
        check_path(name)
        return _file_of_module(name)
    place = find(kind, name)
    return place.path if place.point is None else _file_of_module(place.point.value)


def _digest(files: Sequence[Path]) -> str:
    """Of one file that of its bytes; of more that of their names and hashes, wherever they lie."""
    hashes = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    if len(hashes) == 1:
        return hashes[0]
    told = [f"{file.name} {digest}" for file, digest in zip(files, hashes, strict=True)]
    return hashlib.sha256("\n".join([told[0], *sorted(told[1:])]).encode()).hexdigest()


def _file_of_module(path: str) -> Path | None:
    spec = importlib.util.find_spec(path.partition(":")[0])
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    return Path(spec.origin).absolute()
