"""Code of the user's own that a scenario names (``model.name = "package.module:Class"``).

A message never decides what a client imports: what it may is told to its machine by whoever started it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fedprune import plugins
from fedprune.types import UserError


def import_paths(settings: Mapping[str, Any]) -> list[str]:
    """Every import path under a key ``name``, at any depth, sorted."""
    return sorted(set(_found(settings)))


def check_import_paths(settings: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Raises UserError when the settings name code that this machine was not told of."""
    for path in import_paths(settings):
        if path not in allowed:
            raise UserError(
                f"an order names the code '{path}', which this client was not started with; "
                "name it in the node's configuration, fedprune-modules"
            )


def _found(settings: Mapping[str, Any]) -> Iterator[str]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _found(value)
        elif key == "name" and isinstance(value, str) and plugins.is_path(value):
            yield value
