"""What clients made of their models after the last round: their score against the size of a model.

So pruning after the federation, during it and before it are one picture: a method that prunes during its
rounds begins to the left.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.reports.figures import Figure, slug
from fedprune.reports.methods import Method
from fedprune.reports.tables import Cell, Table
from fedprune.runs.personal_table import KINDS, NOTES, Level, cells, levels_of
from fedprune.score import Score

HEADING = "Models after the last round"
_KILO = 1e3


def table(methods: Sequence[Method]) -> Table | None:
    """A row for each method and density; None where nothing was personalized."""
    rows: list[tuple[Cell, ...]] = []
    owners: list[int] = []
    header: list[str] = []
    for index, method in enumerate(methods):
        header, lines = cells(_levels(method), method.score) if _levels(method) else (header, [])
        rows += [tuple(Cell(text, value=_value(text)) for text in line) for line in lines]
        owners += [index] * len(lines)
    if not rows:
        return None
    caption = "What clients made of their models after the last round, by density. A dash: no such model."
    return Table("personal", caption, tuple(header), tuple(rows), tuple(owners), below=" ".join(NOTES))


def by_size(methods: Sequence[Method], score: Score) -> list[Figure]:
    """All methods' own models against bytes, then for each method its own, shared and random masks."""
    found = [
        (index, method, levels)
        for index, method in enumerate(methods)
        if method.score == score and (levels := _levels(method))
    ]
    if not found:
        return []
    together = _figure(
        f"{slug(score.name)}-by-model-bytes",
        "What does each byte of a client's model buy?",
        [{"method": index, **_curve(levels, "own", score)} for index, _, levels in found],
        score,
    )
    note = (
        "Each line begins on the right with the models as they were after the last round, trained on by their"
        " clients; then come the clients' own masks, by density. Means over clients and seeds."
    )
    return [
        {**together, "alt": _finding(found, score), "note": note},
        *(_of_one(index, method, levels, score) for index, method, levels in found),
    ]


def _of_one(index: int, method: Method, levels: Sequence[Level], score: Score) -> Figure:
    series = [{"name": kind, **_curve(levels, kind, score)} for kind in KINDS[:-1]]
    drawn = _figure(
        f"model-bytes-{index}-{slug(method.label)}",
        method.label,
        [line for line in series if line["x"]],
        score,
    )
    dense = levels[0].own.score
    marks = [] if dense is None else [{"y": dense * score.factor, "label": "dense, trained as long"}]
    return {**drawn, "method": index, "alt": _told(method, levels, score), "note": "", "marks": marks}


def _figure(id: str, title: str, series: list[Figure], score: Score) -> Figure:
    x = {"label": "a client's model as a message", "unit": "kB", "digits": 1, "log": True}
    y = {"label": f"test {score.name}", "unit": score.shown_unit, "digits": score.digits}
    return {"id": id, "kind": "lines", "title": title, "x": x, "y": y, "series": series}


def _curve(levels: Sequence[Level], kind: str, score: Score) -> Figure:
    """The means of a kind by bytes; the line of the own models begins with the dense ones."""
    models = [level.own if kind == "own" else level.kinds.get(kind) for level in levels]
    there = [each for each in models if each is not None and each.score is not None]
    return {
        "x": [each.bytes / _KILO for each in there],
        "y": [(each.score or 0.0) * score.factor for each in there],
    }


def _finding(found: Sequence[tuple[int, Method, Sequence[Level]]], score: Score) -> str:
    """The best own model of all methods and densities."""
    ends = [
        (each.own.score, method.label, each.own)
        for _, method, levels in found
        for each in levels
        if each.own.score is not None
    ]
    if not ends:
        return "No client has test data."
    reached, label, models = max(ends, key=lambda end: score.sign * end[0])
    return (
        f"Best is {label} at {100 * models.density:.1f} % of the weights ({models.bytes / _KILO:.1f} kB): "
        f"{score.text(reached)}."
    )


def _told(method: Method, levels: Sequence[Level], score: Score) -> str:
    """Whether the own mask beats the shared one, at each density."""
    said = [
        f"{100 * level.own.density:.1f} %: {less.mean * score.factor:+.{score.digits}f}"
        f"{' (level)' if less.level else ''}"
        for level in levels
        if (less := level.less.get("shared"))
    ]
    what = f"own less shared mask in {score.difference_unit or score.name}"
    return f"{method.label}: {what} at {', '.join(said)}." if said else f"{method.label}: no shared mask."


def _levels(method: Method) -> list[Level]:
    return levels_of(method.label, [run.path for run in method.runs])


def _value(text: str) -> float | str | None:
    """What a cell is sorted by: the number that it begins with, if any."""
    try:
        return float(text.split(" ")[0])
    except ValueError:
        return None if text == "-" else text
