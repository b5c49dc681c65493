"""Where plug-ins stand: in fedprune, in installed packages by entry point, in the user's own folders."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from fedprune.plugins.errors import PluginError, UnknownPluginError, shown, suggest
from fedprune.plugins.kinds import KINDS
from fedprune.plugins.reach import folders

PACKAGE = Path(__file__).parents[1]
"""fedprune's own folder."""


@dataclass(frozen=True)
class Place:
    """Where one plug-in's code is: a file, fedprune's (``own``) or the user's, or else an entry point."""

    path: Path | None = None
    own: bool = False
    point: EntryPoint | None = None

    def __str__(self) -> str:
        """The place for a message."""
        if self.point is not None:
            return f"the entry point {self.point.value}"
        assert self.path is not None
        return shown(self.path)


def bundled(folder: str) -> Path:
    """A folder that ships with fedprune: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def names(kind: str) -> list[str]:
    """All names of a kind, sorted: of fedprune's own files, of entry points of the group ``fedprune.<kind>``,
    and of files in the user's folders."""
    return sorted(places(kind))


def places(kind: str) -> dict[str, list[Place]]:
    """Name -> where plug-ins of that name are; more than one place is a clash, unless the files are equal."""
    found: dict[str, list[Place]] = {}
    own = bundled(KINDS[kind].folder)
    for name, path in _own_files(own, own.stat().st_mtime_ns).items():
        found[name] = [Place(path, own=True)]
    for name, point in _entry_points(kind).items():
        found.setdefault(name, []).append(Place(point=point))
    for folder in user_folders(kind):
        for name, path in _files(folder).items():
            found.setdefault(name, []).append(Place(path))
    return found


def find(kind: str, name: str) -> Place:
    """Where the plug-in of that name is.

    Raises UnknownPluginError when there is none, saying what was meant and where it was looked for, and
    PluginError when two different ones have the name. A user's file that equals fedprune's own is no clash:
    it is what stands in a checkout.
    """
    there = places(kind)
    if name not in there:
        hint = _hint(kind, name) or suggest(name, sorted(there))
        what = f"unknown {KINDS[kind].called} '{name}'{hint}"
        raise UnknownPluginError(f"{what} ({searched(kind)})")
    first, *others = there[name]
    for other in others:
        if first.path is None or other.path is None or first.path.read_bytes() != other.path.read_bytes():
            several = kind.replace("_", " ")
            raise PluginError(f"two {several} are called '{name}': {first} and {other}; rename yours")
    return first


def _hint(kind: str, name: str) -> str:
    """What to write instead of what people type who know other tools; empty where nothing is known."""
    module, dot, last = name.rpartition(".")
    if dot and module and all(part.isidentifier() for part in name.split(".")):
        return f"; is an import path meant? write '{module}:{last}'"
    for pattern, instead in KINDS[kind].typed:
        if found := re.fullmatch(pattern, name):
            return f"; write {found.expand(instead)}"
    return ""


def searched(kind: str) -> str:
    """Where plug-ins of a kind are looked for beside fedprune and installed packages, for a message."""
    where = " and ".join(shown(folder / kind) for folder in folders())
    return f"looked in {where} too" if where else "this client was told of no folder"


def user_folders(kind: str) -> list[Path]:
    """The user's folders for plug-ins of a kind that are there; fedprune's own is none of them."""
    found = [folder / kind for folder in folders() if (folder / kind).is_dir()]
    own = bundled(KINDS[kind].folder)
    return [folder for folder in found if not (own.is_dir() and folder.samefile(own))]


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")}


@cache
def _own_files(folder: Path, changed: int) -> dict[str, Path]:
    """``_files`` of a folder of fedprune's own, listed once for each time at which it was ``changed``.

    A scenario asks for some forty names, and listing a folder for each took three quarters of its reading.
    """
    return _files(folder)


def _entry_points(kind: str) -> dict[str, EntryPoint]:
    # What is installed changes with the search path only.
    return _scan(tuple(sys.path))[kind]


@cache
def _scan(path: tuple[str, ...]) -> dict[str, dict[str, EntryPoint]]:
    """Kind -> name -> entry point, of all kinds: to look through all that is installed takes 15 ms."""
    found = entry_points()
    return {kind: {point.name: point for point in found.select(group=f"fedprune.{kind}")} for kind in KINDS}
