"""Figures as Vega-Lite specifications, for notebooks: the same numbers, words and colours as on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fedprune.reports.figures import BAND_FROM, Figure, padded
from fedprune.reports.looks import COLOURS, CONTROL, DARK, DASHES, PALE, PART_COLOURS, STAR

Spec = dict[str, Any]

WIDTH, HEIGHT, TALL = 560, 320, 42
"""Pixels of a plot, and of a row in one that has rows."""


def spec(figure: Figure, names: Sequence[str]) -> Spec:
    """The specification of a figure (see reports.figures); ``names`` are the methods' labels."""
    title = {"text": figure["title"], "subtitle": _wrapped(figure["alt"]), "anchor": "start"}
    return {"title": title, "width": WIDTH, **KINDS[figure["kind"]](figure, names)}


def _lines(figure: Figure, names: Sequence[str]) -> Spec:
    looks: dict[str, int] = {}
    points = []
    for index, line in enumerate(figure["series"]):
        name = names[line["method"]] if "method" in line else line["name"]
        looks[name] = line.get("method", index)
        for at, (x, y) in enumerate(zip(line["x"], line["y"], strict=True)):
            sure = bool(line.get("low")) and line["n"][at] >= BAND_FROM
            band = {"low": line["low"][at], "high": line["high"][at]} if sure else {}
            points.append({"name": name, "x": x, "y": y, **band})
    ends = [{**end, "name": names[end["method"]]} for end in figure.get("finals", ())]
    looks |= {end["name"]: end["method"] for end in ends if end["name"] not in looks}
    # Intervals of two seeds are so long that they would hide all else: they are cut where the points end.
    shown = [*points, *ends, *(seed for end in ends for seed in end["seeds"])]
    place = {"x": _axis(figure["x"], "x"), "y": _axis(figure["y"], "y", [one["y"] for one in shown])}
    colour = _colours(looks)
    drawn: list[Spec] = []
    if points:
        drawn += _curves(points, place, colour, _dashes(looks), figure)
    if ends:
        drawn += _stars(ends, place, colour, figure)
    drawn += [_rule(mark) for mark in figure.get("marks", ())]
    if figure.get("target") is not None:
        drawn.append(_rule({"y": figure["target"], "label": "target"}))
    return {"height": HEIGHT, "layer": drawn}


def _curves(points: Sequence[Spec], place: Spec, colour: Spec, dash: Spec, figure: Figure) -> list[Spec]:
    tooltip = [_told("name", ""), _told("x", figure["x"]["label"]), _told("y", figure["y"]["label"])]
    banded = [point for point in points if "low" in point]
    encoding = {**place, "color": colour}
    drawn: list[Spec] = [
        {
            "data": {"values": list(points)},
            "mark": {"type": "line", "point": {"size": 22}, "clip": True},
            "encoding": {**encoding, "strokeDash": dash, "tooltip": tooltip},
        }
    ]
    if banded:
        ends = {"x": place["x"], "y": {**place["y"], "field": "low"}, "y2": {"field": "high"}}
        band = {"data": {"values": banded}, "mark": {"type": "area", "opacity": 0.16, "clip": True}}
        drawn.insert(0, {**band, "encoding": {**ends, "color": colour}})
    return drawn


def _stars(ends: Sequence[Spec], place: Spec, colour: Spec, figure: Figure) -> list[Spec]:
    """Final evaluations with their seeds, their intervals and their Pareto front."""
    tooltip = [_told("name", ""), _told("x", figure["x"]["label"]), _told("y", figure["y"]["label"])]
    encoding = {**place, "color": colour, "tooltip": tooltip}
    seeds = [{**seed, "name": end["name"]} for end in ends for seed in end["seeds"]]
    front = [{"x": x, "y": y} for x, y in figure.get("front", ())]
    whiskers = [end for end in ends if end["low"] is not None]
    drawn: list[Spec] = []
    if len(front) > 1:
        path = {"type": "line", "interpolate": "step-after", "color": CONTROL, "strokeDash": [4, 4]}
        drawn.append({"data": {"values": front}, "mark": path, "encoding": place})
    if whiskers:
        bounds = {"x": place["x"], "y": {**place["y"], "field": "low"}, "y2": {"field": "high"}}
        rule = {"data": {"values": whiskers}, "mark": {"type": "rule", "strokeWidth": 2, "clip": True}}
        drawn.append({**rule, "encoding": {**bounds, "color": colour}})
    if seeds:
        told = [*tooltip, _told("seed", "seed")]
        dots = {"data": {"values": seeds}, "mark": {"type": "point", "size": 28}}
        drawn.append({**dots, "encoding": {**encoding, "tooltip": told}})
    star = {"type": "point", "shape": STAR, "filled": True, "size": 2, "opacity": 1}
    return [*drawn, {"data": {"values": list(ends)}, "mark": star, "encoding": encoding}]


def _stack(figure: Figure, names: Sequence[str]) -> Spec:
    values = [
        {
            "rounds": bar["first"],
            "part": figure["parts"][part],
            "way": figure["sides"][way],
            "y": sign * size,
            "size": size,
        }
        for bar in figure["bins"]
        for way, sign in (("up", 1), ("down", -1))
        for part, size in enumerate(bar[way])
        if size
    ]
    unit = f"{figure['y']['unit']} {figure['y']['label']}"
    sides = f"{figure['sides']['down']} | {figure['sides']['up']} ({unit})"
    return {
        "height": HEIGHT,
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": {"field": "rounds", "type": "ordinal", "title": figure["x"]["label"]},
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": sides,
                "axis": {"labelExpr": "abs(datum.value)"},
            },
            "color": _parts(figure["parts"]),
            "tooltip": [
                _told("way", ""),
                _told("part", ""),
                _told("rounds", "from round"),
                _told("size", unit),
            ],
        },
    }


def _parts_of_a_round(figure: Figure, names: Sequence[str]) -> Spec:
    values = [
        {
            "name": names[row["method"]],
            "part": figure["parts"][part],
            "way": figure["sides"][way],
            "x": size,
        }
        for row in figure["rows"]
        for way in ("up", "down")
        for part, size in enumerate(row[way])
        if size
    ]
    sides = [figure["sides"][way] for way in ("up", "down")]
    shapes = {"domain": sides, "range": ["triangle-up", "triangle-down"]}
    return {
        "height": {"step": TALL, "for": "position"},
        "data": {"values": values},
        "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
        "encoding": {
            "x": {**_axis(figure["x"], "x"), "scale": {"type": "log"}},
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None},
            "yOffset": {"field": "way", "type": "nominal", "sort": sides},
            "color": _parts(figure["parts"]),
            "shape": {"field": "way", "type": "nominal", "title": None, "scale": shapes},
            "tooltip": [_told("name", ""), _told("way", ""), _told("part", ""), _told("x", "MB in a round")],
        },
    }


def _dots(figure: Figure, names: Sequence[str]) -> Spec:
    rows = [{**row, "name": row.get("name") or names[row["method"]]} for row in figure["rows"]]
    each = figure.get("each", "client")
    dots = [
        {"name": row["name"], "x": value, "of": of, "seed": row["seeds"][at] if row.get("seeds") else None}
        for row in rows
        for at, (value, of) in enumerate(zip(row["values"], row["clients"], strict=True))
    ]
    keys = ("name", "mean", "low", "high", "median", "worst")
    means = [{key: row.get(key) for key in keys} for row in rows]
    y = {"field": "name", "type": "nominal", "title": None, "sort": None}
    looks = {row["name"]: row.get("method", 0) for row in rows}

    def layer(values: Sequence[Spec], mark: Spec, field: str, told: str, **more: Any) -> Spec:
        x = {**_axis(figure["x"], field), "scale": {"zero": False}}
        encoding = {"x": x, "y": y, "tooltip": [_told("name", ""), _told(field, told)], **more}
        return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}

    drawn = [
        layer(
            dots,
            {"type": "circle", "opacity": 0.45, "size": 26},
            "x",
            figure["x"]["label"],
            color={**_colours(looks), "legend": None},
            tooltip=[_told("name", ""), _told("of", each), _told("seed", "seed"), _told("x", "value")],
        )
    ]
    sure = [mean for mean in means if mean["low"] is not None]
    if sure:
        drawn.append(
            layer(sure, {"type": "rule", "strokeWidth": 2}, "low", "95 % interval from", x2={"field": "high"})
        )
    white = {"type": "point", "filled": True, "fill": "white", "stroke": "black", "size": 90, "opacity": 1}
    drawn.append(layer(means, {**white, "shape": "diamond"}, "mean", "mean"))
    if all(mean["worst"] is not None for mean in means):
        black = {"type": "point", "filled": True, "color": "black", "shape": "triangle-up", "size": 70}
        drawn.append(layer(means, black, "worst", "mean of the worst 10 %"))
    drawn += [_rule(mark) for mark in figure.get("marks", ())]
    return {"height": {"step": TALL}, "layer": drawn}


def _grid(figure: Figure, names: Sequence[str]) -> Spec:
    row = figure.get("y", {}).get("label") or "layer"
    values = [
        {"column": figure["columns"][column], "row": figure["rows"][line], "value": value}
        for column, line, value in figure["cells"]
    ]
    return _cells(values, figure["x"]["label"], row, figure["rows"], (0, figure["max"]), figure["unit"])


def _matrix(figure: Figure, names: Sequence[str]) -> Spec:
    values = [
        {"column": figure["x"]["names"][column], "row": figure["y"]["names"][line], "value": value}
        for line, found in enumerate(figure["values"])
        for column, value in enumerate(found)
        if value is not None
    ]
    labels = figure["x"]["label"], figure["y"]["label"]
    return _cells(values, *labels, figure["y"]["names"], figure["range"], figure["unit"])


def _cells(
    values: Sequence[Spec], x: str, y: str, rows: Sequence[str], ends: Sequence[float], unit: str
) -> Spec:
    colours = ["#" + "".join(f"{value:02x}" for value in end) for end in (PALE, DARK)]
    scale = {"domain": list(ends), "range": colours}
    return {
        "height": {"step": 14},
        "data": {"values": list(values)},
        "mark": "rect",
        "encoding": {
            "x": {"field": "column", "type": "ordinal", "title": x, "sort": None},
            "y": {"field": "row", "type": "ordinal", "title": y, "sort": list(rows)},
            "color": {"field": "value", "type": "quantitative", "title": unit, "scale": scale},
            "tooltip": [_told("column", x), _told("row", y), _told("value", unit)],
        },
    }


KINDS: dict[str, Callable[[Figure, Sequence[str]], Spec]] = {
    "lines": _lines,
    "stack": _stack,
    "parts": _parts_of_a_round,
    "dots": _dots,
    "grid": _grid,
    "matrix": _matrix,
}
"""What a figure of a kind adds to its specification."""


def _axis(axis: Spec, field: str, values: Sequence[float] = ()) -> Spec:
    """An axis from its least to its greatest value, where it does not say where it ends itself."""
    title = axis["label"] + (f" ({axis['unit']})" if axis.get("unit") else "")
    scale: Spec = {"type": "log"} if axis.get("log") else {"zero": bool(axis.get("zero"))}
    if "min" in axis and "max" in axis:
        scale["domain"] = [axis["min"], axis["max"]]
    elif values:
        low, high = padded(values)
        scale["domain"] = [0 if axis.get("zero") else low, high]
    return {"field": field, "type": "quantitative", "title": title, "scale": scale}


def _colours(looks: dict[str, int]) -> Spec:
    scale = {"domain": list(looks), "range": [COLOURS[index % len(COLOURS)] for index in looks.values()]}
    return {"field": "name", "type": "nominal", "title": None, "scale": scale}


def _dashes(looks: dict[str, int]) -> Spec:
    dashes = [[] if dash == "none" else [*map(int, dash.split())] for dash in DASHES]
    scale = {"domain": list(looks), "range": [dashes[index % len(dashes)] for index in looks.values()]}
    return {"field": "name", "type": "nominal", "title": None, "scale": scale}


def _parts(names: Sequence[str]) -> Spec:
    scale = {"domain": list(names), "range": list(PART_COLOURS)}
    return {"field": "part", "type": "nominal", "title": None, "scale": scale}


def _rule(mark: Spec) -> Spec:
    """A dashed line at what the picture is to be compared with."""
    way = "x" if "x" in mark else "y"
    return {
        "data": {"values": [{"at": mark[way], "label": mark["label"]}]},
        "mark": {"type": "rule", "color": CONTROL, "strokeDash": [4, 4]},
        "encoding": {way: {"field": "at", "type": "quantitative"}, "tooltip": [_told("label", "")]},
    }


def _told(field: str, title: str) -> Spec:
    return {"field": field, "title": title or " "}


def _wrapped(text: str) -> list[str]:
    """Lines of about the plot's width."""
    import textwrap

    return textwrap.wrap(text, 100)
