"""Whether a record of a run holds what ``runs.metrics`` says of its fields, before anyone reckons with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fedprune.runs.metrics import METRICS

_FAILED = {"client", "reason"}
_TEXT = {"label", "score", "score_unit", "score_better", "kind"}


def misfit(file: str, record: Mapping[str, Any]) -> str | None:
    """The first field of a record of ``file`` whose value is of another kind than it should be.

    None where all are as they should; a field that is absent or null is, except for who and when, and so is
    every field of a file that is not among METRICS.
    """
    fields = METRICS.get(file, {})
    for name in fields.keys() & {"round", "client"}:
        if not isinstance(record.get(name), int):
            return name
    told = ((name, metric.unit) for name, metric in fields.items() if name in record)
    return next((name for name, unit in told if not _fits(name, unit, record[name])), None)


def _fits(name: str, unit: str, value: Any) -> bool:
    if value is None:
        return True
    if unit == "bytes":
        return isinstance(value, int) and abs(value) < 1 << 63
    if name in _TEXT:
        return isinstance(value, str)
    if name == "chosen":
        return isinstance(value, bool)
    if name == "density_layers":
        return isinstance(value, dict) and all(map(_is_number, value.values()))
    if name in ("failed", "missing"):
        return isinstance(value, list) and all(
            isinstance(each, dict) and each.keys() >= _FAILED for each in value
        )
    if name == "clients" and isinstance(value, list):
        return all(isinstance(each, int) for each in value)
    return _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
