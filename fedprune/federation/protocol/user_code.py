"""Code of the user's own that a scenario names by import path (``model.name = "package.module:Class"``),
and files (``data.name = "./photos"``).

A message never decides what a client imports or reads: import paths and files that it may name, and folders
in which it looks for plug-ins, are told to its machine by whoever started it (``fedprune-modules``,
``fedprune-plugins``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fedprune import plugins
from fedprune.scenario.section import is_file_name
from fedprune.types import UserError


def import_paths(settings: Mapping[str, Any]) -> list[str]:
    """Every text that is an import path, under any key and at any depth, and a data set's file or folder."""
    return sorted({*_found(settings), *_files(settings.get("data"))})


def check_import_paths(settings: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raises UserError when the settings name code or files that this machine was not told of."""
    for path in import_paths(settings):
        if path not in allowed:
            raise UserError(
                f"an order names '{path}', which this client was not started with; "
                "name it in the node's configuration, fedprune-modules"
            )


def _files(data: Any) -> Iterator[str]:
    name = data.get("name") if isinstance(data, Mapping) else None
    if isinstance(name, str) and is_file_name(name):
        yield name


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _found(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _found(inner)
    elif isinstance(value, str) and plugins.is_path(value):
        yield value
