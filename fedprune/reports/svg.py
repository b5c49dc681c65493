"""Figures as SVG files for papers, drawn from the same data as on the page (see reports.figures)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

from fedprune.reports.drawing import LEFT, RIGHT, TOP, WIDTH, Box, Drawing, Scale, axes, head, mark, marks
from fedprune.reports.figures import BAND_FROM, Figure
from fedprune.reports.looks import COLOURS, CONTROL, DASHES, DIAMOND, MARKERS, STAR, TRIANGLE
from fedprune.reports.svg_cells import grid, matrix
from fedprune.reports.svg_traffic import parts, stack


def picture(figure: Figure, names: Sequence[str]) -> str:
    """The SVG file's text; ``names`` are the methods' labels."""
    drawing = Drawing()
    height = KINDS[figure["kind"]](drawing, figure, names)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}"'
        f' viewBox="0 0 {WIDTH} {height:g}" role="img"'
        f' font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">\n'
        f"<title>{escape(figure['title'])}</title>\n<desc>{escape(figure['alt'])}</desc>\n"
        f'<rect width="{WIDTH}" height="{height:g}" fill="#fff"/>\n' + "\n".join(drawing.parts) + "\n</svg>\n"
    )


def _lines(drawing: Drawing, figure: Figure, names: Sequence[str]) -> float:
    box = Box(LEFT, WIDTH - RIGHT, TOP + head(figure), TOP + head(figure) + 340)
    log = bool(figure["x"].get("log"))
    x, y = _line_scales(figure, box, log)
    axes(drawing, box, x, y, figure)
    if figure.get("target") is not None:
        level = y(figure["target"])
        drawing.add(
            "line", x1=box.left, x2=box.right, y1=level, y2=level, stroke="#777", stroke_dasharray="1 3"
        )
        drawing.text(box.right - 4, level - 5, f"target {figure['target']:g} {figure['y']['unit']}", "end")
    if len(figure.get("front", ())) > 1:
        (first, gain), *rest = figure["front"]
        path = f"M{x(first):.1f},{y(gain):.1f}" + "".join(
            f"H{x(cost):.1f}V{y(high):.1f}" for cost, high in rest
        )
        drawing.add("path", d=f"{path}H{box.right}", fill="none", stroke="#777", stroke_dasharray="4 4")
    looks = []
    for place, series in enumerate(figure["series"]):
        index = series.get("method", place)
        looks.append((index, names[index] if "method" in series else series["name"]))
        _line(drawing, series, index, x, y, log)
    drawn = {index for index, _ in looks}
    for end in figure.get("finals", ()):
        if end["method"] not in drawn:
            looks.append((end["method"], names[end["method"]]))
        colour = COLOURS[end["method"] % len(COLOURS)]
        if end["low"] is not None:
            ends = {"x1": x(end["x"]), "x2": x(end["x"]), "y1": y(end["low"]), "y2": y(end["high"])}
            drawing.add("line", **ends, stroke=colour, stroke_width=2)
        for seed in end["seeds"]:
            drawing.add("circle", cx=x(seed["x"]), cy=y(seed["y"]), r=3, fill="none", stroke=colour)
        mark(drawing, STAR, x(end["x"]), y(end["y"]), colour)
    for cost in figure.get("reached", ()):
        colour = COLOURS[cost["method"] % len(COLOURS)]
        mark(drawing, DIAMOND, x(cost["x"]), y(figure["target"]), "#fff", colour)
    marks(drawing, box, x, y, figure)
    return _legend(drawing, looks, box.bottom + 58)


def _line_scales(figure: Figure, box: Box, log: bool) -> tuple[Scale, Scale]:
    finals, target = figure.get("finals", ()), figure.get("target")
    ends = [*finals, *(seed for end in finals for seed in end["seeds"])]
    xs = [value for one in figure["series"] for value in one["x"]] + [end["x"] for end in ends]
    ys = [value for one in figure["series"] for value in one["y"]] + [end["y"] for end in ends]
    ys += [] if target is None else [target]
    xs += [one["x"] for one in figure.get("marks", ()) if "x" in one]
    ys += [one["y"] for one in figure.get("marks", ()) if "y" in one]
    axis = figure["y"]
    low, high = (0 if axis.get("zero") else min(ys)), max(ys)
    pad = (high - low or abs(high) or 1.0) * 0.05
    bottom = axis.get("min", 0 if axis.get("zero") else low - pad)
    across = (
        (min(x for x in xs if x > 0) * 0.9, max(xs) * 1.12) if log else (min(0, *xs), max(xs) * 1.03 or 1.0)
    )
    y = Scale(bottom, axis.get("max", high + pad), box.bottom, box.top)
    return Scale(*across, box.left, box.right, log), y


def _line(drawing: Drawing, series: Figure, index: int, x: Scale, y: Scale, log: bool) -> None:
    colour = COLOURS[index % len(COLOURS)]
    kept = [place for place, value in enumerate(series["x"]) if value > 0 or not log]
    if series.get("low"):
        sure = [place for place in kept if series["n"][place] >= BAND_FROM]
        edge = [(place, "high") for place in sure] + [(place, "low") for place in reversed(sure)]
        points = " ".join(f"{x(series['x'][place]):.1f},{y(series[side][place]):.1f}" for place, side in edge)
        if sure:
            drawing.add("polygon", points=points, fill=colour, opacity=0.16)
    points = " ".join(f"{x(series['x'][place]):.1f},{y(series['y'][place]):.1f}" for place in kept)
    dash = DASHES[index % len(DASHES)]
    drawing.add("polyline", points=points, fill="none", stroke=colour, stroke_width=2, stroke_dasharray=dash)
    for place in kept[:: max(1, math.ceil(len(kept) / 12))]:
        mark(drawing, MARKERS[index % len(MARKERS)], x(series["x"][place]), y(series["y"][place]), colour)


def _dots(drawing: Drawing, figure: Figure, names: Sequence[str]) -> float:
    rows, axis = figure["rows"], figure["x"]
    tall = max(38.0, min(62.0, 800 / len(rows)))
    top = TOP + head(figure)
    box = Box(16, WIDTH - RIGHT, top, top + tall * len(rows))
    least = min((value for row in rows for value in row["values"]), default=100.0)
    pad = (100 - least) * 0.03 or 1.0
    low, high = axis.get("min", max(0.0, least - pad)), axis.get("max", 100 + pad / 2)
    x = Scale(low, high, box.left, box.right)
    axes(drawing, box, x, None, figure)
    marks(drawing, box, x, None, figure)
    for place, row in enumerate(rows):
        drawing.text(box.left, top + place * tall + 15, row.get("name") or names[row["method"]])
        _row(drawing, row, x, top + place * tall, tall)
    return box.bottom + 48


def _row(drawing: Drawing, row: Figure, x: Scale, top: float, tall: float) -> None:
    named = "name" in row
    # Where an interval or what is expected by chance is drawn, it has a lane of its own below the dots.
    lane, reach = top + tall * (0.82 if named else 0.63), tall * (0.15 if named else 0.27)
    ends = {"y1": lane - reach, "y2": lane + reach}
    if row.get("band"):
        left, right = map(x, row["band"])
        place = {"x": left, "y": lane - reach, "width": max(1.0, right - left), "height": 2 * reach}
        drawing.add("rect", **place, fill="#d0d0d0")
    _crowd(drawing, row, x, top + tall * 0.5 if named else lane, reach)
    if row.get("low") is not None:
        low, high = max(row["low"], x.low), min(row["high"], x.high)
        sure = {"stroke": "#111", "stroke_width": 1.6}
        drawing.add("line", x1=x(low), x2=x(high), y1=lane, y2=lane, **sure)
        for end in (row["low"], row["high"]):
            if end in (low, high):
                drawing.add("line", x1=x(end), x2=x(end), **ends, **sure)
    if "median" in row:
        median = x(row["median"])
        drawing.add("line", x1=median, x2=median, **ends, stroke="#111", stroke_width=2)
    mark(drawing, DIAMOND, x(row["mean"]), lane, "#fff", "#111")
    if "worst" in row:
        mark(drawing, TRIANGLE, x(row["worst"]), lane, "#111")


def _crowd(drawing: Drawing, row: Figure, x: Scale, middle: float, reach: float) -> None:
    """Dots of equal place stand above and below each other."""
    index = 0 if "name" in row else row["method"]
    colour = CONTROL if row.get("control") else COLOURS[index % len(COLOURS)]
    columns = [round(x(value) / 4) for value in row["values"]]
    step = min(4.0, 2 * reach / max(Counter(columns).values(), default=1))
    seen: Counter[int] = Counter()
    for value, column in zip(row["values"], columns, strict=True):
        rank = seen[column]
        seen[column] += 1
        offset = (1 if rank % 2 else -1) * math.ceil(rank / 2) * step
        drawing.add("circle", cx=x(value), cy=middle + offset, r=2.6, fill=colour, opacity=0.55)


def _legend(drawing: Drawing, entries: Sequence[tuple[int, str]], top: float) -> float:
    """Two columns below the plot; returns the height of the whole picture."""
    for place, (index, name) in enumerate(entries):
        left, middle = LEFT + place % 2 * 330, top + place // 2 * 20
        colour = COLOURS[index % len(COLOURS)]
        dash = DASHES[index % len(DASHES)]
        ends = {"x1": left, "x2": left + 34, "y1": middle, "y2": middle}
        drawing.add("line", **ends, stroke=colour, stroke_width=2, stroke_dasharray=dash)
        mark(drawing, MARKERS[index % len(MARKERS)], left + 17, middle, colour)
        drawing.text(left + 42, middle + 4, name)
    return top + math.ceil(len(entries) / 2) * 20


KINDS: dict[str, Callable[[Drawing, Figure, Sequence[str]], float]] = {
    "lines": _lines,
    "stack": stack,
    "parts": parts,
    "dots": _dots,
    "grid": grid,
    "matrix": matrix,
}
"""Draws a figure of a kind; returns the picture's height."""
