"""Figures as SVG files for papers, drawn from the same data as on the page (see report.figures)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from fedprune.report.figures import BAND_FROM, Figure

WIDTH, LEFT, RIGHT, TOP = 720, 64, 16, 12
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, which colour-blind people can tell apart (less yellow, too pale on white)."""
DASHES = ("none", "7 3", "2 3", "9 3 2 3")
MARKERS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "M-3.6,-3.6h7.2v7.2h-7.2Z",
    "M0,-4.8L4.6,3.6H-4.6Z",
    "M0,-5.2L4.4,0L0,5.2L-4.4,0Z",
    "M-4.6,-3.6H4.6L0,4.8Z",
)
STAR = "M0,-8.5L2.2,-2.8L8.1,-2.6L3.5,1.1L5,6.9L0,3.6L-5,6.9L-3.5,1.1L-8.1,-2.6L-2.2,-2.8Z"
DIAMOND, TRIANGLE = "M0,-6.5L5,0L0,6.5L-5,0Z", "M0,-8L7,5H-7Z"
PART_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#555555")
PALE, DARK = (233, 241, 248), (8, 48, 107)


@dataclass
class _Drawing:
    """SVG elements in the order in which they are painted."""

    parts: list[str] = field(default_factory=list)

    def add(self, name: str, **attributes: Any) -> None:
        self.parts.append(f"<{name} {_attributes(attributes)}/>")

    def text(self, x: float, y: float, text: str, anchor: str = "start", turned: bool = False) -> None:
        place = {"transform": f"translate({x:g},{y:g}) rotate(-90)"} if turned else {"x": x, "y": y}
        self.parts.append(f"<text {_attributes(place | {'text-anchor': anchor})}>{escape(text)}</text>")


@dataclass(frozen=True)
class _Box:
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class _Scale:
    """Maps data to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        to: Callable[[float], float] = math.log10 if self.log else float
        span = to(self.high) - to(self.low) or 1.0
        return self.start + (to(value) - to(self.low)) / span * (self.end - self.start)

    def ticks(self, count: int) -> list[float]:
        """About ``count`` round numbers."""
        if self.log and self.high / self.low > 10:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            factors = (1,) if self.high / self.low > 1e4 else (1, 2, 5)
            found = [factor * 10.0**power for power in powers for factor in factors]
            return [value for value in found if self.low <= value <= self.high]
        raw = (self.high - self.low or 1.0) / count
        unit = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= raw * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def picture(figure: Figure, names: Sequence[str]) -> str:
    """The SVG file's text; ``names`` are the methods' labels."""
    drawing = _Drawing()
    height = {"lines": _lines, "stack": _stack, "dots": _dots, "grid": _grid}[figure["kind"]](
        drawing, figure, names
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}"'
        f' viewBox="0 0 {WIDTH} {height:g}" role="img"'
        f' font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">\n'
        f"<title>{escape(figure['title'])}</title>\n<desc>{escape(figure['alt'])}</desc>\n"
        f'<rect width="{WIDTH}" height="{height:g}" fill="#fff"/>\n' + "\n".join(drawing.parts) + "\n</svg>\n"
    )


def _lines(drawing: _Drawing, figure: Figure, names: Sequence[str]) -> float:
    box = _Box(LEFT, WIDTH - RIGHT, TOP, TOP + 340)
    log = bool(figure["x"].get("log"))
    x, y = _line_scales(figure, box, log)
    _axes(drawing, box, x, y, figure)
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
    for end in figure.get("finals", ()):
        colour = COLOURS[end["method"] % len(COLOURS)]
        if end["low"] is not None:
            ends = {"x1": x(end["x"]), "x2": x(end["x"]), "y1": y(end["low"]), "y2": y(end["high"])}
            drawing.add("line", **ends, stroke=colour, stroke_width=2)
        _mark(drawing, STAR, x(end["x"]), y(end["y"]), colour)
    for cost in figure.get("reached", ()):
        colour = COLOURS[cost["method"] % len(COLOURS)]
        _mark(drawing, DIAMOND, x(cost["x"]), y(figure["target"]), "#fff", colour)
    return _legend(drawing, looks, box.bottom + 58)


def _line_scales(figure: Figure, box: _Box, log: bool) -> tuple[_Scale, _Scale]:
    finals, target = figure.get("finals", ()), figure.get("target")
    xs = [value for one in figure["series"] for value in one["x"]] + [end["x"] for end in finals]
    ys = [value for one in figure["series"] for value in one["y"]] + [end["y"] for end in finals]
    ys += [] if target is None else [target]
    axis = figure["y"]
    low, high = (0 if axis.get("zero") else min(ys)), max(ys)
    pad = (high - low or abs(high) or 1.0) * 0.05
    bottom = axis.get("min", 0 if axis.get("zero") else low - pad)
    across = (
        (min(x for x in xs if x > 0) * 0.9, max(xs) * 1.12) if log else (min(0, *xs), max(xs) * 1.03 or 1.0)
    )
    y = _Scale(bottom, axis.get("max", high + pad), box.bottom, box.top)
    return _Scale(*across, box.left, box.right, log), y


def _line(drawing: _Drawing, series: Figure, index: int, x: _Scale, y: _Scale, log: bool) -> None:
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
        _mark(drawing, MARKERS[index % len(MARKERS)], x(series["x"][place]), y(series["y"][place]), colour)


def _stack(drawing: _Drawing, figure: Figure, names: Sequence[str]) -> float:
    box = _Box(LEFT, WIDTH - RIGHT, TOP, TOP + 300)
    x = _Scale(figure["bins"][0]["first"] - 0.5, figure["bins"][-1]["last"] + 0.5, box.left, box.right)
    y = _Scale(figure["y"]["min"] * 1.05, figure["y"]["max"] * 1.05 or 1.0, box.bottom, box.top)
    _axes(drawing, box, x, y, figure, absolute=True)
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
    for part, name in enumerate(figure["parts"]):
        drawing.add(
            "rect", x=LEFT + part * 150, y=box.bottom + 50, width=12, height=12, fill=PART_COLOURS[part]
        )
        drawing.text(LEFT + part * 150 + 18, box.bottom + 60, name)
    return box.bottom + 74


def _dots(drawing: _Drawing, figure: Figure, names: Sequence[str]) -> float:
    tall, rows = 62, figure["rows"]
    box = _Box(16, WIDTH - RIGHT, TOP, TOP + tall * len(rows))
    least = min(value for row in rows for value in row["values"])
    pad = (100 - least) * 0.03 or 1.0
    x = _Scale(max(0.0, least - pad), 100 + pad / 2, box.left, box.right)
    _axes(drawing, box, x, None, figure)
    for place, row in enumerate(rows):
        top, middle = box.top + place * tall, box.top + place * tall + 39
        drawing.text(box.left, top + 15, names[row["method"]])
        columns = [round(x(value) / 4) for value in row["values"]]
        step = min(4.0, 34 / max(columns.count(column) for column in set(columns)))
        seen: dict[int, int] = {}
        for value, column in zip(row["values"], columns, strict=True):
            rank = seen.get(column, 0)
            seen[column] = rank + 1
            offset = (1 if rank % 2 else -1) * math.ceil(rank / 2) * step
            colour = COLOURS[row["method"] % len(COLOURS)]
            drawing.add("circle", cx=x(value), cy=middle + offset, r=2.6, fill=colour, opacity=0.55)
        median = x(row["median"])
        drawing.add(
            "line", x1=median, x2=median, y1=middle - 17, y2=middle + 17, stroke="#111", stroke_width=2
        )
        _mark(drawing, DIAMOND, x(row["mean"]), middle, "#fff", "#111")
        _mark(drawing, TRIANGLE, x(row["worst"]), middle, "#111")
    return box.bottom + 48


def _grid(drawing: _Drawing, figure: Figure, names: Sequence[str]) -> float:
    size = max(11.0, min(22.0, 420 / len(figure["rows"])))
    left = min(WIDTH * 0.35, max(LEFT, max(map(len, figure["rows"])) * 6.6 + 26))
    box = _Box(left, WIDTH - RIGHT, 30, 30 + size * len(figure["rows"]))
    wide = (box.right - box.left) / len(figure["columns"])
    for column, row, value in figure["cells"]:
        place = {
            "x": box.left + column * wide,
            "y": box.top + row * size,
            "width": wide,
            "height": size - 0.6,
        }
        drawing.add("rect", **place, fill=_shade(value / figure["max"]))
    for row, name in enumerate(figure["rows"]):
        drawing.text(box.left - 6, box.top + (row + 0.5) * size + 4, name, "end")
    last = len(figure["columns"]) - 1
    for column in _Scale(0, last, 0, 1).ticks(10) if last else [0.0]:
        if column.is_integer():
            middle = box.left + (column + 0.5) * wide
            drawing.text(middle, box.bottom + 16, str(figure["columns"][int(column)]), "middle")
    drawing.text((box.left + box.right) / 2, box.bottom + 36, figure["x"]["label"], "middle")
    for step in range(6):
        drawing.add("rect", x=box.right - 190 + step * 16, y=6, width=16, height=11, fill=_shade(step / 5))
    drawing.text(box.right - 196, 16, "0", "end")
    drawing.text(box.right - 88, 16, f"{figure['max']:g} {figure['unit']}")
    return box.bottom + 48


def _axes(
    drawing: _Drawing, box: _Box, x: _Scale, y: _Scale | None, figure: Figure, absolute: bool = False
) -> None:
    for value in x.ticks(7):
        drawing.add("line", x1=x(value), x2=x(value), y1=box.top, y2=box.bottom, stroke="#e4e4e4")
        drawing.text(x(value), box.bottom + 17, f"{value:,g}", "middle")
    for value in y.ticks(6) if y else ():
        assert y is not None
        drawing.add("line", x1=box.left, x2=box.right, y1=y(value), y2=y(value), stroke="#e4e4e4")
        drawing.text(box.left - 7, y(value) + 4, f"{abs(value) if absolute else value:,g}", "end")
    drawing.text((box.left + box.right) / 2, box.bottom + 37, _name(figure["x"]), "middle")
    if y:
        drawing.text(16, (box.top + box.bottom) / 2, _name(figure["y"]), "middle", turned=True)


def _legend(drawing: _Drawing, entries: Sequence[tuple[int, str]], top: float) -> float:
    """Two columns below the plot; returns the height of the whole picture."""
    for place, (index, name) in enumerate(entries):
        left, middle = LEFT + place % 2 * 330, top + place // 2 * 20
        colour = COLOURS[index % len(COLOURS)]
        dash = DASHES[index % len(DASHES)]
        ends = {"x1": left, "x2": left + 34, "y1": middle, "y2": middle}
        drawing.add("line", **ends, stroke=colour, stroke_width=2, stroke_dasharray=dash)
        _mark(drawing, MARKERS[index % len(MARKERS)], left + 17, middle, colour)
        drawing.text(left + 42, middle + 4, name)
    return top + math.ceil(len(entries) / 2) * 20


def _mark(drawing: _Drawing, path: str, x: float, y: float, fill: str, stroke: str = "#fff") -> None:
    drawing.add("path", d=path, transform=f"translate({x:.1f},{y:.1f})", fill=fill, stroke=stroke)


def _name(axis: dict[str, Any]) -> str:
    return str(axis["label"]) + (f" ({axis['unit']})" if axis.get("unit") else "")


def _shade(share: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(PALE, DARK, strict=True))


def _attributes(values: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(str(value))

    return " ".join(f'{name.replace("_", "-")}="{text(value)}"' for name, value in values.items())
