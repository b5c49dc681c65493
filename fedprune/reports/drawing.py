"""What SVG files are drawn with: scales, axes, marks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from fedprune.reports.figures import Figure
from fedprune.reports.looks import DARK, PALE

WIDTH, LEFT, RIGHT, TOP = 720, 64, 16, 12


@dataclass
class Drawing:
    """SVG elements in the order in which they are painted."""

    parts: list[str] = field(default_factory=list)

    def add(self, name: str, **attributes: Any) -> None:
        self.parts.append(f"<{name} {_attributes(attributes)}/>")

    def text(self, x: float, y: float, text: str, anchor: str = "start", turned: bool = False) -> None:
        place = {"transform": f"translate({x:g},{y:g}) rotate(-90)"} if turned else {"x": x, "y": y}
        self.parts.append(f"<text {_attributes(place | {'text-anchor': anchor})}>{escape(text)}</text>")


@dataclass(frozen=True)
class Box:
    """The rectangle that a plot fills, in pixels."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Scale:
    """A scale that maps data to pixels along one axis."""

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
        """About ``count`` round numbers within the scale, where ticks go."""
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


def axes(
    drawing: Drawing, box: Box, x: Scale, y: Scale | None, figure: Figure, absolute: bool = False
) -> None:
    """Rules, ticks and names of both axes."""
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


def head(figure: Figure) -> float:
    """Room above a plot for the names of its upright marks."""
    return 15.0 * sum("x" in one for one in figure.get("marks", ()))


def marks(drawing: Drawing, box: Box, x: Scale, y: Scale | None, figure: Figure) -> None:
    """Dashed lines at what the picture is to be compared with."""
    for place, one in enumerate(figure.get("marks", ())):
        line = {"stroke": "#777", "stroke_width": 1.5, "stroke_dasharray": "4 4"}
        if "y" in one:
            assert y is not None
            level = y(one["y"])
            drawing.add("line", x1=box.left, x2=box.right, y1=level, y2=level, **line)
            drawing.text(box.left + 4, level - 5, one["label"])
        else:
            level, name = x(one["x"]), box.top - head(figure) + 15 * place + 11
            drawing.add("line", x1=level, x2=level, y1=name - 9, y2=box.bottom, **line)
            right = level > (box.left + box.right) / 2
            drawing.text(level + (-5 if right else 5), name, one["label"], "end" if right else "start")


def mark(drawing: Drawing, path: str, x: float, y: float, fill: str, stroke: str = "#fff") -> None:
    """A marker's ``path`` with its middle at (x, y)."""
    drawing.add("path", d=path, transform=f"translate({x:.1f},{y:.1f})", fill=fill, stroke=stroke)


def _name(axis: dict[str, Any]) -> str:
    return str(axis["label"]) + (f" ({axis['unit']})" if axis.get("unit") else "")


def shade(share: float) -> str:
    """The colour of a share: dark for 1, pale for 0."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(PALE, DARK, strict=True))


def _attributes(values: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(str(value))

    return " ".join(f'{name.replace("_", "-")}="{text(value)}"' for name, value in values.items())
