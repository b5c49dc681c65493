"""SVG files of figures of cells: grids, whose empty cells are left out, and whole matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from fedprune.reports.drawing import LEFT, RIGHT, WIDTH, Box, Drawing, Scale, shade
from fedprune.reports.figures import Figure
from fedprune.reports.looks import SHADES

Values = Sequence[Sequence[float | None]]


def grid(drawing: Drawing, figure: Figure, names: Sequence[str]) -> float:
    """Draws a grid of shaded cells and returns the picture's height in pixels."""
    size = max(11.0, min(22.0, 420 / len(figure["rows"])))
    left = min(WIDTH * 0.35, max(LEFT, max(map(len, figure["rows"])) * 6.6 + 26))
    box = Box(left, WIDTH - RIGHT, 30, 30 + size * len(figure["rows"]))
    wide = (box.right - box.left) / len(figure["columns"])
    for column, row, value in figure["cells"]:
        place = {
            "x": box.left + column * wide,
            "y": box.top + row * size,
            "width": wide,
            "height": size - 0.6,
        }
        drawing.add("rect", **place, fill=shade(value / figure["max"]))
    for row, name in enumerate(figure["rows"]):
        drawing.text(box.left - 6, box.top + (row + 0.5) * size + 4, name, "end")
    last = len(figure["columns"]) - 1
    for column in Scale(0, last, 0, 1).ticks(10) if last else [0.0]:
        if column.is_integer():
            middle = box.left + (column + 0.5) * wide
            drawing.text(middle, box.bottom + 16, str(figure["columns"][int(column)]), "middle")
    drawing.text((box.left + box.right) / 2, box.bottom + 36, figure["x"]["label"], "middle")
    _shades(drawing, box.right, "0", f"{figure['max']:g} {figure['unit']}")
    return box.bottom + 48


def matrix(drawing: Drawing, figure: Figure, names: Sequence[str]) -> float:
    """Square cells, with a strip of labels above where there is one. Returns the picture's height."""
    columns, rows, strip = figure["x"]["names"], figure["y"]["names"], figure["strip"]
    left = max(72.0, min(WIDTH * 0.35, max(map(len, rows)) * 6.6 + 38))
    size = min(max(22.0, 240 / len(columns)), (WIDTH - left - RIGHT) / len(columns))
    tall = max(5.0, min(9.0, size)) * len(strip["names"]) + 8 if strip else 0.0
    box = Box(left, left + size * len(columns), 28 + tall, 28 + tall + size * len(rows))
    low, high = figure["range"]
    _cells(drawing, figure["values"], box, size, lambda value: (value - low) / (high - low or 1))
    if strip:
        above = Box(box.left, box.right, 28, 20 + tall)
        most = max(1, max(max(line) for line in strip["values"]))
        held = [[value or None for value in line] for line in strip["values"]]
        _cells(drawing, held, above, size, lambda value: value / most)
        _down(drawing, strip["names"], above, 11)
        drawing.text(16, (above.top + above.bottom) / 2, "labels", "middle", turned=True)
    _down(drawing, rows, box, 14)
    for place in range(0, len(columns), math.ceil(34 / size)):
        drawing.text(box.left + (place + 0.5) * size, box.bottom + 16, columns[place], "middle")
    drawing.text((box.left + box.right) / 2, box.bottom + 36, figure["x"]["label"], "middle")
    drawing.text(16, (box.top + box.bottom) / 2, figure["y"]["label"], "middle", turned=True)
    _shades(drawing, WIDTH - RIGHT, f"{low:.3g}", f"{high:.3g} {figure['unit']}")
    return box.bottom + 48


def _cells(drawing: Drawing, values: Values, box: Box, wide: float, share: Callable[[float], float]) -> None:
    """The shaded cells; those of one shade are one path, so that ten thousand of them stay a small file.

    Cells whose value is None are left out.
    """
    tall = (box.bottom - box.top) / len(values)
    paths: dict[int, list[str]] = {}
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            if value is not None:
                # Neighbours end and begin at the same place to the last digit, so that no gap shows.
                left, right = (f"{box.left + place * wide:.1f}" for place in (column, column + 1))
                top, bottom = (f"{box.top + place * tall:.1f}" for place in (row, row + 1))
                path = f"M{left},{top}H{right}V{bottom}H{left}z"
                paths.setdefault(round(share(value) * SHADES), []).append(path)
    for step, parts in sorted(paths.items()):
        drawing.add("path", d="".join(parts), fill=shade(step / SHADES), shape_rendering="crispEdges")
    edge = {"x": box.left, "y": box.top, "width": box.right - box.left, "height": box.bottom - box.top}
    drawing.add("rect", **edge, fill="none", stroke="#999")


def _down(drawing: Drawing, names: Sequence[str], box: Box, apart: float) -> None:
    """Names of rows, every so many that they keep ``apart`` pixels; words among numbers are always named."""
    tall = (box.bottom - box.top) / len(names)
    every = math.ceil(apart / tall)
    for place, name in enumerate(names):
        if place % every == 0 or not name.isdecimal():
            drawing.text(box.left - 6, box.top + (place + 0.5) * tall + 4, name, "end")


def _shades(drawing: Drawing, right: float, low: str, high: str) -> None:
    left = right - max(98, len(high) * 7) - 96
    for step in range(6):
        drawing.add("rect", x=left + step * 16, y=6, width=16, height=11, fill=shade(step / 5))
    drawing.text(left - 6, 16, low, "end")
    drawing.text(left + 102, 16, high)
