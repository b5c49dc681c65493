"""What a picture shows, in a sentence: its caption and its alternative text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fedprune.reports.methods import DIRECTIONS, PARTS, Method
from fedprune.score import Score

PART_NAMES = {"values": "weights", "mask": "masks", "side": "side information", "overhead": "headers"}


def front_finding(
    front: Sequence[tuple[str, float, float]],
    finished: int,
    phrase: str,
    unit: str,
    digits: int,
    score: Score,
) -> str:
    """Who of the ``finished`` methods is on the ``front`` of (label, cost, score as shown)."""
    if not front:
        return f"No run is finished: {score.name} so far."
    told = [
        f"{label} with {score.with_unit(f'{gain:.{score.digits}f}')} "
        + phrase.format(_with(f"{cost:,.{digits}f}", unit))
        for label, cost, gain in front
    ]
    if finished == 1:
        return f"In the final evaluation: {told[0]}."
    order = f"from cheap to {'accurate' if score.percent else 'good'}"
    return f"On the Pareto front of the final evaluation, {order}: {', '.join(told)}."


def target_finding(
    methods: Sequence[Method], reached: Sequence[dict[str, Any]], target: float, score: Score
) -> str:
    """Who is first at ``target``, a score as shown; begins with a space, behind another finding."""
    goal = score.with_unit(f"{target:g}")
    if not reached:
        return f" No method reached the target of {goal} with all its seeds."
    least = min(cost["x"] for cost in reached)
    first = [methods[cost["method"]].label for cost in reached if cost["x"] == least]
    return f" {listed(first)} {'is' if len(first) == 1 else 'are'} first at {goal}, after {least:,.2f} MB."


MOST_NAMES = 4
"""Names in a row: more are no sentence."""


def listed(names: Sequence[str]) -> str:
    """The names in one line, or how many there are where they are many."""
    return "; ".join(names) if len(names) <= MOST_NAMES else f"{len(names)} of them"


def ends_finding(ends: Sequence[tuple[str, float]], axis: Mapping[str, Any]) -> str:
    """The highest and the lowest of (label, last value of its curve); equal ones are called level."""
    if not ends:
        return ""
    what = axis["label"]

    def shown(value: float) -> str:
        return _with(f"{value:,.{axis['digits']}f}", axis["unit"])

    # What is shown as the same number is level, whatever its further digits are.
    values = {label: shown(value) for label, value in ends}
    high, low = (shown(pick(value for _, value in ends)) for pick in (max, min))
    if len(ends) == 1:
        return f"{ends[0][0]} was last measured at {high} {what}."
    if high == low:
        return f"All methods were last measured level, at {high} {what}."

    def who(end: str) -> str:
        labels = [label for label, value in values.items() if value == end]
        return f"{', level,' if len(labels) > 1 else ''} with {listed(labels)} ({end})"

    return f"Last measured {what}: highest{who(high)}, lowest{who(low)}."


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


def parts_finding(methods: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> str:
    """Whose masks weigh most and least beside the rest; ``methods``: label, MB up and MB down by part."""
    place = PARTS.index("mask")
    shares = {
        label: (up[place] + down[place]) / (sum(up) + sum(down))
        for label, up, down in methods
        if up[place] + down[place]
    }
    if not shares:
        return "No masks travel."
    told = {label: f"{100 * share:.2g} %" for label, share in shares.items()}
    least, most = (pick(shares, key=lambda label: shares[label]) for pick in (min, max))
    if told[least] == told[most]:
        return f"Masks are {told[most]} of the bytes with {listed(list(shares))}."
    return f"Masks are {told[least]} of the bytes with {least}, and up to {told[most]} with {most}."
