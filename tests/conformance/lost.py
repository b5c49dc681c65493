"""A run that lost clients came to what one comes to in which those were never asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario

from .battery import bits, carry, without_clocks


def lost(run: Path) -> list[tuple[int, int]]:
    """(client, round) of every reply that a run did without."""
    rows = read_lines(run / "rounds.jsonl")
    return [(failed["client"], row["round"]) for row in rows for failed in row["failed"]]


def assert_as_without_the_lost(scenario: Scenario, run: Path, absent: Path) -> None:
    """``run`` has the bits of a run, made in the folder ``absent``, that never samples whom it lost."""
    other, _ = carry(scenario, absent, skip=lost(run))
    mine, theirs = (what_was_learned(bits(each)) for each in (run, other))
    assert mine == theirs


def what_was_learned(found: dict[str, Any]) -> dict[str, Any]:
    """All but who was asked in vain, what became of their replies, and what bytes that cost."""
    found["rounds"] = [without_costs(row) for row in found["rounds"]]
    found["clients"] = [without_costs(row) for row in found["clients"]]
    found["results"] = without_costs(found["results"])
    return found


def without_costs(record: Mapping[str, Any]) -> dict[str, Any]:
    told = ("bytes_", "replies_")
    named = {key: value for key, value in without_clocks(record).items() if not key.startswith(told)}
    return {key: value for key, value in named.items() if key not in ("clients", "failed")}
