"""SVG files of what travelled: bars by round, and the parts of a mean round on a logarithmic axis."""

from __future__ import annotations

from collections.abc import Sequence

from fedprune.reports.drawing import LEFT, RIGHT, TOP, WIDTH, Box, Drawing, Scale, axes, mark
from fedprune.reports.figures import Figure
from fedprune.reports.looks import DOWN, PART_COLOURS, UP


def stack(drawing: Drawing, figure: Figure, names: Sequence[str]) -> float:
    """Draws bars of parts, up above the axis and down below it, and returns the picture's height."""
    box = Box(LEFT, WIDTH - RIGHT, TOP + 12, TOP + 312)
    x = Scale(figure["bins"][0]["first"] - 0.5, figure["bins"][-1]["last"] + 0.5, box.left, box.right)
    # Below the bars there is room for the name of what they are.
    low, high = figure["y"]["min"] * 1.05, figure["y"]["max"] * 1.05 or 1.0
    y = Scale(low - 0.07 * (high - low), high, box.bottom, box.top)
    axes(drawing, box, x, y, figure, absolute=True)
    for bin in figure["bins"]:
        left = x(bin["first"] - 0.5)
        width = max(0.5, x(bin["last"] + 0.5) - left - 1)
        for way, sign in (("up", 1), ("down", -1)):
            base = 0.0
            for part, value in enumerate(bin[way]):
                start, stop = sorted((y(sign * base), y(sign * (base + value))))
                if value:
                    drawing.add(
                        "rect", x=left, y=start, width=width, height=stop - start, fill=PART_COLOURS[part]
                    )
                base += value
    drawing.add("line", x1=box.left, x2=box.right, y1=y(0), y2=y(0), stroke="#333")
    drawing.text(box.left + 4, box.top - 4, figure["sides"]["up"])
    drawing.text(box.left + 4, box.bottom - 5, figure["sides"]["down"])
    return _legend(drawing, figure["parts"], box.bottom + 50)


def parts(drawing: Drawing, figure: Figure, names: Sequence[str]) -> float:
    """Draws each part of a mean round at its size, a row a method, and returns the picture's height."""
    tall, rows = 50.0, figure["rows"]
    box = Box(16, WIDTH - RIGHT, TOP, TOP + tall * len(rows))
    x = Scale(figure["x"]["min"], figure["x"]["max"], box.left, box.right, log=True)
    axes(drawing, box, x, None, figure)
    for place, row in enumerate(rows):
        top = box.top + place * tall
        drawing.text(box.left, top + 15, names[row["method"]])
        for way, lane, path in (("up", top + 26, UP), ("down", top + 40, DOWN)):
            for part, value in enumerate(row[way]):
                if value:
                    mark(drawing, path, x(value), lane, PART_COLOURS[part])
    return _legend(drawing, figure["parts"], box.bottom + 50)


def _legend(drawing: Drawing, names: Sequence[str], top: float) -> float:
    for part, name in enumerate(names):
        drawing.add("rect", x=LEFT + part * 150, y=top, width=12, height=12, fill=PART_COLOURS[part])
        drawing.text(LEFT + part * 150 + 18, top + 10, name)
    return top + 24
