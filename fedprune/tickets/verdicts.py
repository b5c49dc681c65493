"""Verdicts of studies: whether what they ask is so, in a line computed from their results.

``yes`` and ``no`` are said where a test says so at 5 % (with Holm's correction where there are several);
what cannot be told apart is called level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fedprune.estimate import LEVEL
from fedprune.score import Score

ALPHA = 0.05
"""Below this p a difference counts."""

Record = Mapping[str, Any]


def beats(own: str, differences: Mapping[str, Record], rivals: Sequence[str], score: Score) -> str:
    """Whether ``own`` beats all ``rivals``: the closest one's difference, as studies' tables have them.

    ``differences``: rival -> mean of ``own`` less the rival with ``low``, ``high``, ``p`` and ``p_holm``.
    """
    ranked = sorted(rivals, key=lambda name: score.sign * differences[name]["mean"])
    words = {name: relation(differences[name], score) for name in ranked}
    closest = ranked[0]
    if words[closest] == "loses to":
        word = "no"
    elif all(words[name] == "beats" for name in ranked):
        word = "yes"
    else:
        word = "not shown"
        closest = next(name for name in ranked if words[name] == LEVEL)
    text = f"{word}: {sentence(own, closest, differences[closest], score)}"
    more = len(ranked) - 1
    if word == "yes" and more:
        text += f"; {'the other by more' if more == 1 else f'the other {more} by more'}"
    return text


def sentence(own: str, rival: str, found: Record, score: Score) -> str:
    """How ``own`` stands to a rival: by how much, with the 95 % interval over clients, and p."""
    gain = score.sign * score.factor * found["mean"]
    word = relation(found, score)
    amount = f"{gain:+.{score.digits}f}" if word == LEVEL else f"{abs(gain):.{score.digits}f}"
    text = f"{amount} {score.difference_unit}".rstrip()
    if found["low"] is not None:
        ends = sorted(score.sign * score.factor * found[end] for end in ("low", "high"))
        if word == "loses to":
            ends = [-end for end in reversed(ends)]
        text += f" [{ends[0]:.{score.digits}f}, {ends[1]:.{score.digits}f}]"
    told = f"{own} is {LEVEL} with {rival}:" if word == LEVEL else f"{own} {word} {rival} by"
    return f"{told} {text}; {p_text(_p(found))}{' (Holm)' if 'p_holm' in found else ''}"


def relation(found: Record, score: Score) -> str:
    """``beats``, ``loses to`` or ``level``."""
    if _p(found) >= ALPHA:
        return LEVEL
    return "beats" if score.sign * found["mean"] > 0 else "loses to"


def told(p: float | None, text: str) -> str:
    """``text`` behind the word that a single test calls for; without a test just the text."""
    if p is None:
        return text
    return f"{'yes' if p < ALPHA else 'not shown'}: {text}; {p_text(p)}"


def p_text(p: float) -> str:
    """A p-value in words: "p = 0.008"."""
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"


def _p(found: Record) -> float:
    return float(found.get("p_holm", found["p"]))
