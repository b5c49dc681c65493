"""Plug-ins: a file in its folder is its own registration.

fedprune's own stand in its folders, a user's in folders that are called as the kind (``strategies/``,
``criteria/`` ...) beside the scenario or in the working directory, or at an import path,
``package.module:Class``; an installed package adds more by entry points of the group ``fedprune.<kind>``. A
plug-in's name is its file's stem; files that begin with an underscore are none. Its one-line description is
the first line of its module docstring, read without importing it, so that listing stays fast.
docs/plugins.md tells how to write each kind.
"""

from __future__ import annotations

import ast
import importlib
import os
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from fedprune.plugins.code import check_path, import_module, imported, is_path, run_file
from fedprune.plugins.contract import check_class, check_module, class_in, line_of, place_of
from fedprune.plugins.errors import BrokenPluginError, PluginError, UnknownPluginError, shown, suggest
from fedprune.plugins.kinds import KINDS, Kind
from fedprune.plugins.local_code import is_installed
from fedprune.plugins.named import plugin
from fedprune.plugins.origin import Origin, origin, source
from fedprune.plugins.places import PACKAGE, Place, bundled, find, names
from fedprune.plugins.places import places as _places
from fedprune.plugins.reach import folders, modules, reaching

__all__ = [
    "KINDS",
    "PACKAGE",
    "BrokenPluginError",
    "Kind",
    "Origin",
    "Place",
    "PluginError",
    "UnknownPluginError",
    "bundled",
    "check",
    "check_path",
    "dataclass_of",
    "describe",
    "find",
    "folders",
    "imported",
    "is_installed",
    "is_path",
    "line_of",
    "load",
    "modules",
    "names",
    "origin",
    "place_of",
    "plugin",
    "reaching",
    "shown",
    "source",
    "suggest",
]

_Stamp = tuple[int, int]

_loaded: dict[tuple[str, str, tuple[Path, ...]], tuple[Any, Path | None, _Stamp | None]] = {}
"""(kind, name, folders searched) -> what was loaded, a user's file, and when that was last changed."""


def check(kind: str, name: str) -> None:
    """Raises PluginError unless there is one plug-in of that name or import path; imports none."""
    if is_path(name):
        check_path(name)
    else:
        find(kind, name)


def load(kind: str, name: str) -> Any:
    """The plug-in's module, or what stands at its import path.

    Where the kind asks for one function or constant, an import path may lead to that itself. A user's file
    is run again when it has changed. Raises UnknownPluginError when there is none of that name and
    BrokenPluginError when it cannot be used.
    """
    if is_path(name):
        return _at_path(kind, name)
    # A codec asks for its parts with each message: a look at one file must do.
    key = (kind, name, folders())
    if key in _loaded:
        found, file, stamp = _loaded[key]
        if file is None or _stamp(file) == stamp:
            return found
    place = find(kind, name)
    file = None if place.own else place.path
    stamp = _stamp(file) if file else None
    found = _import(kind, place)
    check_module(kind, name, found)
    _loaded[key] = (found, file, stamp)
    return found


def dataclass_of(kind: str, name: str) -> Any:
    """The one public frozen dataclass that a plug-in's file defines; its fields are the plug-in's options.

    Raises UnknownPluginError, or BrokenPluginError when it breaks its kind's contract.
    """
    found = load(kind, name)
    if isinstance(found, ModuleType):
        return class_in(kind, found)
    check_class(kind, found)
    return found


def describe(kind: str) -> dict[str, str]:
    """Name -> first line of the plug-in's docstring, without importing files; a user's say where they are."""
    return {name: _described(there[0]) for name, there in sorted(_places(kind).items())}


def _described(place: Place) -> str:
    if place.point is not None:
        return f"from {place.point.value}"
    assert place.path is not None
    try:
        line = (ast.get_docstring(ast.parse(place.path.read_bytes())) or "").split("\n", 1)[0]
    except (SyntaxError, ValueError, OSError) as error:
        line = f"Cannot be read: {error}."
    return line if place.own else f"{line} ({shown(place.path)})".strip()


def _stamp(file: Path) -> _Stamp | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _at_path(kind: str, path: str) -> Any:
    found, holds = imported(path), KINDS[kind].holds
    if len(holds) == 1 and not hasattr(found, holds[0]):
        return SimpleNamespace(**{holds[0]: found})
    check_module(kind, path, found)
    return found


def _import(kind: str, place: Place) -> Any:
    if place.point is not None:
        return imported(place.point.value) if is_path(place.point.value) else import_module(place.point.value)
    assert place.path is not None
    if place.own and place.path.is_relative_to(PACKAGE):
        return importlib.import_module(f"fedprune.{KINDS[kind].folder.replace('/', '.')}.{place.path.stem}")
    return run_file(kind, place.path)
