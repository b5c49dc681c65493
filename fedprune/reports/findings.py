"""What a picture shows, in a sentence: its caption and its alternative text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fedprune.reports.methods import DIRECTIONS, PARTS, Method
from fedprune.score import Score

PART_NAMES = {"values": "weights", "mask": "masks", "side": "side information", "overhead": "headers"}


def score_finding(
    front: Sequence[tuple[str, float, float]],
    methods: Sequence[Method],
    reached: Sequence[dict[str, Any]],
    target: float | None,
    score: Score,
) -> str:
    """Who is on the ``front`` of (label, MB, score as shown), and who is first at ``target``."""
    if not front:
        return f"No run is finished: {score.name} so far against the bytes so far."
    told = [
        f"{label} with {score.with_unit(f'{gain:.{score.digits}f}')} for {cost:,.2f} MB"
        for label, cost, gain in front
    ]
    text = f"On the Pareto front, from cheap to {'accurate' if score.percent else 'good'}: {', '.join(told)}."
    if target is not None and reached:
        first = min(reached, key=lambda cost: cost["x"])
        goal = score.with_unit(f"{target:g}")
        text += f" {methods[first['method']].label} is first at {goal}, after {first['x']:,.2f} MB."
    elif target is not None:
        goal = score.with_unit(f"{target:g}")
        text += f" No method reached the target of {goal} with all its seeds."
    return text


MOST_NAMES = 4
"""Names in a row: more are no sentence."""


def listed(names: Sequence[str]) -> str:
    """The names in one line, or how many there are where they are many."""
    return "; ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} of them"


def last_finding(methods: Sequence[Method], name: str, factor: float, what: str, unit: str) -> str:
    """The highest and the lowest method at the end."""
    found = [(value.mean, method.label) for method in methods if (value := method.result(name, factor))]
    if not found:
        return f"No run is finished: {what} so far."
    (low, last), (high, first) = min(found), max(found)
    if len(found) == 1:
        return f"{first} ends at {_with(f'{high:.3g}', unit)} {what}."
    if high == low:
        return f"All methods end at {_with(f'{high:.3g}', unit)} {what}."
    first, last = (listed([label for value, label in found if value == end]) for end in (high, low))
    highest, lowest = _with(f"{high:.4g}", unit), _with(f"{low:.4g}", unit)
    ends = f"highest with {first} ({highest}), lowest with {last} ({lowest})"
    return f"At the end, {what}: {ends}."


def _with(text: str, unit: str) -> str:
    return f"{text} {unit}".rstrip()


def traffic_finding(label: str, means: Mapping[str, float]) -> str:
    """The sentence about traffic; ``means`` are MB a round by ``<direction>_<part>``."""
    down, up = (sum(means[f"{way}_{part}"] for part in PARTS) for way in DIRECTIONS)
    if not down + up:
        return f"{label} sends nothing."
    shares = ", ".join(
        f"{(means[f'down_{part}'] + means[f'up_{part}']) / (down + up):.1%} {PART_NAMES[part]}".replace(
            "%", " %"
        )
        for part in PARTS
        if means[f"down_{part}"] + means[f"up_{part}"]
    )
    return f"{label}: {down:.3g} MB down and {up:.3g} MB up in a mean round; {shares}."
