"""What differs between two runs, or two groups of runs that differ by seed: settings, code, results.

Everything is read from run folders alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fedprune.comparison import bits, facts, paired
from fedprune.comparison.facts import Fact
from fedprune.comparison.paired import Line
from fedprune.runs.files import RunError
from fedprune.runs.frames import RunData, load
from fedprune.runs.labels import told_apart
from fedprune.runs.table import Row, group_seeds, grouped, results_table
from fedprune.score import Score


@dataclass(frozen=True)
class Comparison:
    """Two runs, or two groups of them, and in what they differ."""

    labels: tuple[str, str]
    runs: tuple[tuple[Path, ...], tuple[Path, ...]]
    """The folders of either side, paired by seed."""
    settings: list[Fact]
    code: list[Fact]
    environment: list[Fact]
    results: list[str]
    """The first difference of each file of results; none where all pairs are equal to the bit."""
    score: Score
    lines: list[Line]
    over: str
    """What the intervals are over: "20 clients", "3 seeds"."""

    @property
    def equal(self) -> bool:
        """Whether the results are equal to the bit."""
        return not self.results

    def record(self) -> dict[str, Any]:
        """The comparison as plain data for JSON."""
        lines = [
            {
                "title": line.title,
                "first": line.first,
                "second": line.second,
                "difference": line.difference and asdict(line.difference),
                "verdict": line.verdict,
            }
            for line in self.lines
        ]
        return {
            "labels": self.labels,
            "runs": [[str(path) for path in side] for side in self.runs],
            **{name: [asdict(fact) for fact in getattr(self, name)] for name in FACTS},
            "equal": self.equal,
            "differences": self.results,
            "over": self.over,
            "results": lines,
        }


FACTS = ("settings", "code", "environment")
"""The fields of a comparison that hold facts."""


def compare(folders: Sequence[Path]) -> Comparison:
    """What differs between the two runs in ``folders``, or between the two groups that more of them form.

    Of two folders the first is one side and the second the other. More are grouped as tables group them, by
    all settings but the seed; they must form two groups that have seeds in common, and are paired by these.
    Raises RunError for runs that are not finished or form no such groups.
    """
    first, second = _sides(results_table(folders))
    labels = (
        told_apart([*first, *second])
        if len(first) == 1
        else [row["label"] for row in group_seeds([*first, *second])]
    )
    pairs = [(load(one["folder"]), load(other["folder"])) for one, other in zip(first, second, strict=True)]
    one, other = pairs[0]
    score = _score(pairs)
    results = [told for pair in pairs for told in bits.differences(pair[0].path, pair[1].path)]
    several = len(pairs) > 1
    return Comparison(
        labels=(labels[0], labels[1]),
        runs=(tuple(one.path for one, _ in pairs), tuple(other.path for _, other in pairs)),
        settings=facts.settings(one, other),
        code=facts.code(one, other),
        environment=facts.environment(one, other),
        results=results,
        score=score,
        lines=paired.by_seed(pairs, score) if several else paired.by_client(one, other, score),
        over=f"{len(pairs)} seeds" if several else _clients(one, other),
    )


def _sides(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The runs of either side, paired by seed."""
    unfinished = [row["folder"] for row in rows if row["state"] != "complete"]
    if unfinished:
        raise RunError(f"{unfinished[0]} is not finished; go on with: fedprune resume {unfinished[0]}")
    if len(rows) == 2:
        return [rows[0]], [rows[1]]
    groups = grouped(rows)
    if len(groups) != 2:
        raise RunError(
            f"give two runs, or two groups of runs that differ only by seed; these form {len(groups)}"
        )
    first, second = ({row["seed"]: row for row in group} for group in groups)
    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise RunError("the two groups have no seed in common, so that nothing can be paired")
    return [first[seed] for seed in shared], [second[seed] for seed in shared]


def _score(pairs: Sequence[tuple[RunData, RunData]]) -> Score:
    scores = list(dict.fromkeys(run.score for pair in pairs for run in pair))
    if len(scores) > 1:
        raise RunError(f"one run scores {scores[0].name}, the other {scores[1].name}: nothing to compare")
    return scores[0]


def _clients(one: RunData, other: RunData) -> str:
    if one.partition.get("hash") != other.partition.get("hash"):
        return ""
    return f"{len(set(one.final['client']) & set(other.final['client']))} clients"
