"""Plug-ins: a file in its folder is its own registration, and an installed package may add more by entry
point.

A plug-in's name is its file's stem; files that begin with an underscore are not plug-ins. Its one-line
description is the first line of its module docstring, read without importing it, so that listing stays fast.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import importlib
import importlib.util
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from fedprune.types import UserError

PACKAGE = Path(__file__).parent

KINDS: dict[str, tuple[str, str]] = {
    "strategies": ("strategies", "strategy"),
    "models": ("models/kinds", "model"),
    "datasets": ("data/sets", "data set"),
    "partitioners": ("data/partitioners", "partitioner"),
    "criteria": ("pruning/criteria", "criterion"),
    "aggregators": ("aggregators", "aggregator"),
    "server_optimizers": ("server_optimizers", "server optimizer"),
    "mask_codings": ("wire/mask_codings", "mask coding"),
    "quantizers": ("wire/quantizers", "quantizer"),
    "entropy_coders": ("wire/entropy_coders", "entropy coder"),
    "engines": ("engines/crews", "engine"),
    "studies": ("tickets/studies", "study"),
    "trackers": ("trackers/kinds", "tracker"),
}
"""Kind -> (folder under the package, what one of them is called)."""


class UnknownPluginError(UserError):
    """No plug-in of that kind has that name."""


def bundled(folder: str) -> Path:
    """A folder that ships with fedprune: inside the package in a wheel, beside it in a checkout."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def names(kind: str) -> list[str]:
    """All names of a kind, sorted: files first found in fedprune, then entry points of group
    ``fedprune.<kind>``."""
    return sorted({*_files(kind), *_entry_points(kind)})


def suggest(name: str, known: list[str]) -> str:
    """``", did you mean 'x'?"`` for a near miss, else the list of what is known."""
    near = difflib.get_close_matches(name, known, n=1)
    return f", did you mean '{near[0]}'?" if near else f"; known: {', '.join(known)}"


@cache
def load(kind: str, name: str) -> ModuleType:
    """The plug-in's module.

    Raises UnknownPluginError when there is none of that name.
    """
    files = _files(kind)
    if name in files:
        return _import(kind, files[name])
    points = _entry_points(kind)
    if name in points:
        module: ModuleType = points[name].load()
        return module
    raise UnknownPluginError(f"unknown {KINDS[kind][1]} '{name}'{suggest(name, names(kind))}")


def dataclass_of(kind: str, name: str) -> Any:
    """The one public dataclass that a plug-in's file defines; its fields are the plug-in's options.

    Raises UserError when there is not exactly one.
    """
    module = load(kind, name)
    found = [
        value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and dataclasses.is_dataclass(value)
        and value.__module__ == module.__name__
        and not key.startswith("_")
    ]
    if len(found) != 1:
        raise UserError(f"the file of '{name}' must define one public dataclass, found {len(found)}")
    return found[0]


def is_path(name: str) -> bool:
    """Whether a name is an import path, "package.module:Name", and not a plug-in's."""
    return ":" in name


def check_path(path: str) -> None:
    """Raises UnknownPluginError unless ``path`` reads as an import path whose module can be found.

    The module itself is not imported, only the packages that it is in.
    """
    module, _, name = path.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), name]):
        raise UnknownPluginError(f"'{path}' is no import path; write package.module:Name")
    try:
        found = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        raise UnknownPluginError(
            f"no module '{module}' to import '{name}' from; install it, or put its folder on PYTHONPATH"
        )


def imported(path: str) -> Any:
    """What stands at an import path.

    Raises UnknownPluginError when nothing does, and what the module raises when it is imported.
    """
    check_path(path)
    module, _, name = path.partition(":")
    found = importlib.import_module(module)
    if not hasattr(found, name):
        raise UnknownPluginError(f"module '{module}' has no '{name}'{suggest(name, sorted(vars(found)))}")
    return getattr(found, name)


def describe(kind: str) -> dict[str, str]:
    """Name -> first line of the plug-in's docstring, without importing files."""
    lines = {name: _first_line(path.read_text("utf-8")) for name, path in _files(kind).items()}
    lines.update(
        {name: f"from {point.value}" for name, point in _entry_points(kind).items() if name not in lines}
    )
    return dict(sorted(lines.items()))


def _files(kind: str) -> dict[str, Path]:
    folder = bundled(KINDS[kind][0])
    return {path.stem: path for path in folder.glob("*.py") if not path.stem.startswith("_")}


def _entry_points(kind: str) -> dict[str, EntryPoint]:
    # Looking through all installed packages takes 15 ms; what is installed changes with the search path only.
    return _scan(kind, tuple(sys.path))


@cache
def _scan(kind: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"fedprune.{kind}")}


def _import(kind: str, path: Path) -> ModuleType:
    dotted = "fedprune." + KINDS[kind][0].replace("/", ".") + "." + path.stem
    if path.is_relative_to(PACKAGE):
        return importlib.import_module(dotted)
    if dotted in sys.modules:
        return sys.modules[dotted]
    spec = importlib.util.spec_from_file_location(dotted, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[dotted] = module
    spec.loader.exec_module(module)
    return module


def _first_line(source: str) -> str:
    doc = ast.get_docstring(ast.parse(source)) or ""
    return doc.split("\n", 1)[0]
