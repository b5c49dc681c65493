"""A scenario's settings in one table: dotted key -> value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Sections = Mapping[str, Any]
"""A section's name -> its keys, or the list of its tables."""


def flat(scenario: Sections) -> dict[str, bool | int | float | str]:
    """``section.key`` -> value, lists and tables as JSON; ``section.1.key`` for the tables of a list."""
    tables: dict[str, Mapping[str, Any]] = {}
    for section, keys in scenario.items():
        if isinstance(keys, Mapping):
            tables[section] = keys
        else:
            tables |= {f"{section}.{number}": table for number, table in enumerate(keys, start=1)}
    return {
        f"{table}.{key}": value if isinstance(value, bool | int | float | str) else json.dumps(value)
        for table, keys in tables.items()
        for key, value in keys.items()
    }
