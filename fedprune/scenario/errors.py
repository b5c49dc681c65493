"""The one line that says why a scenario cannot be used, and the values that no scenario may hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fedprune.types import UserError, shortened

MAX_DEPTH = 8
"""Tables and lists nested deeper than this are refused: no setting needs them."""

LARGEST = 1e18
"""The largest number of a scenario: its square is finite in single precision, in which models compute."""


_LONGEST_NAME = 100
"""Characters of a section's or key's name in a message."""


class ScenarioError(UserError):
    """A scenario that cannot be used, in one line: ``file: [section] key: what is wrong and what to do``.

    ``table`` counts from 1 in a section that is a list of tables; 0 is no such section.
    """

    def __init__(
        self, what: str, section: str = "", key: str = "", file: str = "", *, table: int = 0
    ) -> None:
        self.what, self.section, self.key, self.file, self.table = what, section, key, file, table
        called = shortened(section, _LONGEST_NAME)
        header = f"[[{called}]] {table}" if table else f"[{called}]"
        where = (
            f"{header} {shortened(key, _LONGEST_NAME)}".strip() if section else shortened(key, _LONGEST_NAME)
        )
        super().__init__(": ".join(part for part in (file, where, what) if part))


def shown(value: Any) -> str:
    """A value for a message, shortened."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def complaint(error: Mapping[str, Any]) -> str:
    """One of pydantic's complaints about a value, in our words."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    what = error["msg"].replace("Input should", "must").replace("have at most", "hold at most")
    return f"{what}, not {shown(error['input'])}"


def plain(value: Any, section: str, key: str = "", depth: int = 0) -> Any:
    """``value`` as TOML could hold it: tuples as lists, keys that are None dropped.

    Raises ScenarioError for anything else, among it NaN, infinity, dates, control codes and deep nesting.
    """

    def where(what: str) -> ScenarioError:
        return ScenarioError(what, section, key)

    if depth > MAX_DEPTH:
        raise where(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise where(f"keys are texts, not {shown(name)}")
        return {
            name: plain(item, section, f"{key}.{name}".strip("."), depth + 1)
            for name, item in value.items()
            if item is not None
        }
    if isinstance(value, list | tuple):
        return [plain(item, section, key, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise where(f"must be a finite number, not {value}")
    if isinstance(value, float) and abs(value) > LARGEST:
        raise where(f"must lie between -{LARGEST:g} and {LARGEST:g}, not {value}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise where("must fit in 64 bits")
    if isinstance(value, str) and not value.isprintable():
        raise where(f"must hold printable characters only, not {shown(value)}")
    if not isinstance(value, str | int | float | bool):
        raise where(f"must be a text, a number, true, false, a list or a table, not {shown(value)}")
    return value
