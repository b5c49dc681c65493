"""Where the code of a user's plug-in came from, so that a run can say so and tell when it has changed."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from fedprune.plugins.code import check_path, is_path
from fedprune.plugins.kinds import KINDS
from fedprune.plugins.places import find


@dataclass(frozen=True)
class Origin:
    """The file of a plug-in that is not fedprune's own."""

    kind: str
    name: str
    file: Path
    """Absolute."""
    sha256: str
    """Of what the file holds."""
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
    if is_path(name):
        check_path(name)
        return _of_module(kind, name, name)
    place = find(kind, name)
    if place.own:
        return None
    if place.point is not None:
        return _of_module(kind, name, place.point.value)
    assert place.path is not None
    return Origin(kind, name, place.path, _sha256(place.path), place.path.parents[1])


def _of_module(kind: str, name: str, path: str) -> Origin | None:
    spec = importlib.util.find_spec(path.partition(":")[0])
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    file = Path(spec.origin).absolute()
    return Origin(kind, name, file, _sha256(file), None)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
