"""Code of the user's own that a scenario names by import path (``model.name = "package.module:Class"``).

A message never decides what a client imports: import paths that it may name, and folders in which it looks
for plug-ins, are told to its machine by whoever started it (``fedprune-modules``, ``fedprune-plugins``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fedprune import plugins
from fedprune.types import UserError


def import_paths(settings: Mapping[str, Any]) -> list[str]:
    """Every text that is an import path, under any key and at any depth, sorted."""
    return sorted(set(_found(settings)))


def check_import_paths(settings: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raises UserError when the settings name code that this machine was not told of."""
    for path in import_paths(settings):
        if path not in allowed:
            raise UserError(
                f"an order names the code '{path}', which this client was not started with; "
                "name it in the node's configuration, fedprune-modules"
            )


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _found(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _found(inner)
    elif isinstance(value, str) and plugins.is_path(value):
        yield value
