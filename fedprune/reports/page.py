"""The report as one HTML file: no network, no other file; whatever a run says about itself is escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from fedprune.reports.figures import BAND_FROM, Figure, slug
from fedprune.reports.looks import looks
from fedprune.reports.methods import Method
from fedprune.reports.table_html import on_page
from fedprune.reports.tables import Table
from fedprune.reports.tickets import RunTickets, Studied

SCRIPTS = ("tools.js", "draw.js", "grids.js", "tables.js", "report.js")
"""Together one script, in this order."""
STYLE = "report.css"
TICKETS, DATA, SCENARIOS, REPEAT = "Tickets", "Data", "Scenarios", "How to repeat it"
"""Headings of the parts behind the figures."""
DIGITS = 6
"""Significant digits of the numbers that are drawn."""


def page(methods: Sequence[Method], sections: Sequence[tuple[str, Sequence[Figure]]], tables: Sequence[Table],
         studied: Sequence[RunTickets], title: str, beside: str) -> str:  # fmt: skip
    """The file's text: results, ``sections`` of figures, what was ``studied``, other tables, the command.

    ``beside`` names the folder that holds its tables and pictures as files. Equal runs give equal texts.
    """
    *scripts, css = (
        files("fedprune.reports").joinpath(name).read_text("utf-8") for name in (*SCRIPTS, STYLE)
    )
    script = "\n".join(['"use strict";', "(() => {", *scripts, "})();"])
    data = {
        "methods": [method.label for method in methods],
        "bandFrom": BAND_FROM,
        "looks": looks(),
        "figures": [one for _, found in sections for one in found]
        + [one for run in studied for one in run.figures],
    }
    results, *others = tables
    parts = [
        _head(title, script, css),
        f"<header><h1>{escape(title)}</h1>\n<p class='lead'>{escape(_lead(methods))}</p>",
        _contents([heading for heading, found in sections if found], bool(studied)),
        "</header>\n<main>",
        on_page(results, beside),
        *(_section(heading, found, beside) for heading, found in sections if found),
        _tickets(studied, beside),
        _heading(DATA),
        *(on_page(table, beside) for table in others),
        _scenarios(methods),
        _repeat(methods),
        "</main>\n<div id='said' class='unseen' aria-live='polite'></div>",
        f"<script type='application/json' id='data'>{embedded(data)}</script>",
        f"<script>{script}</script>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def embedded(value: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever strings it holds."""
    text = json.dumps(_short(value), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _short(value: Any) -> Any:
    """Floats to DIGITS significant digits, which halves the file."""
    if isinstance(value, float):
        short = float(f"{value:.{DIGITS}g}")
        return int(short) if short.is_integer() else short
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_short(inner) for inner in value]
    return value


def _head(title: str, script: str, css: str) -> str:
    # The hashes let this script and this style in and nothing else; 'none' keeps all off the network.
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(css)}'"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            "<html lang='en'>\n<head>\n<meta charset='utf-8'>",
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{escape(title)}</title>",
            f"<style>{css}</style>\n</head>\n<body>",
            "<noscript><p>Pictures and sorting need JavaScript; the tables do not.</p></noscript>",
        ]
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _lead(methods: Sequence[Method]) -> str:
    count = sum(len(method.runs) for method in methods)
    return f"{_plural(len(methods), 'method')}, {_plural(count, 'run')}; bytes are measured at the transport."


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _heading(text: str) -> str:
    return f"<h2 id='part-{slug(text)}'>{escape(text)}</h2>"


def _contents(headings: Sequence[str], studied: bool) -> str:
    """Links to the parts of the page."""
    names = [*headings, *([TICKETS] if studied else []), DATA, SCENARIOS, REPEAT]
    items = "\n".join(f"<li><a href='#part-{slug(name)}'>{escape(name)}</a></li>" for name in names)
    return f"<nav aria-label='Contents'><ul>\n{items}\n</ul></nav>"


def _section(heading: str, figures: Sequence[Figure], beside: str) -> str:
    """A heading, the figures of all methods side by side, then those of one method each in a gallery."""
    together = [_figure(figure, beside) for figure in figures if "method" not in figure]
    single = [_figure(figure, beside) for figure in figures if "method" in figure]
    parts = "<div id='parts'></div>" if figures[0]["kind"] == "parts" else ""
    groups = [
        "\n".join([f"<div class='{name}'>", *drawn, "</div>"])
        for name, drawn in (("figures", together), ("gallery", single))
        if drawn
    ]
    return "\n".join([_heading(heading), parts, *groups])


def _tickets(studied: Sequence[RunTickets], beside: str) -> str:
    if not studied:
        return ""
    runs = "\n".join(
        f"<section data-method='{run.method}'>\n<h3>{escape(f'{run.label} ({run.run})')}</h3>\n"
        + "\n".join(_study(study, beside) for study in run.studies)
        + "\n</section>"
        for run in studied
    )
    return (
        f"{_heading(TICKETS)}\n<p>What masks and weights of finished runs say about lottery tickets,"
        " each study with its control. Clients are the units of intervals and tests.</p>\n" + runs
    )


def _study(study: Studied, beside: str) -> str:
    parts = [
        *(_figure(figure, beside, "h5") for figure in study.figures),
        *(f"<div class='table'>{on_page(table, beside)}</div>" for table in study.tables),
        f"<p class='note'>{escape(study.note)}</p>" if study.note else "",
    ]
    name = study.name.replace("_", " ")
    heading = f"<h4>{escape(f'{name}: {study.about}')}</h4>"
    verdict = f"<p class='verdict'>{escape(study.verdict)}</p>" if study.verdict else ""
    return "\n".join([heading, verdict, "<div class='study'>", *parts, "</div>"])


def _figure(figure: Figure, beside: str, heading: str = "h3") -> str:
    method = f" data-method='{figure['method']}'" if "method" in figure else ""
    note = f" <span class='note'>{escape(figure['note'])}</span>" if figure["note"] else ""
    wide = " class='wide'" if figure.get("wide") else ""
    link = f"<a href='{quote(beside)}/{quote(figure['id'])}.svg'>SVG</a>"
    return (
        f"<figure id='figure-{figure['id']}'{method}{wide}>\n<{heading}>{escape(figure['title'])}</{heading}>"
        "<div class='tools'></div><div class='canvas'></div>"
        f"<figcaption>{escape(figure['alt'])}{note} {link}</figcaption>\n</figure>"
    )


def _scenarios(methods: Sequence[Method]) -> str:
    details = "\n".join(
        f"<details data-method='{index}'><summary>{escape(row['label'])} ({escape(row['run'])})</summary>"
        f"<pre>{escape(run.folder.scenario_toml.rstrip())}</pre></details>"
        for index, method in enumerate(methods)
        for run, row in zip(method.runs, method.rows, strict=True)
    )
    return f"{_heading(SCENARIOS)}\n{details}"


def _repeat(methods: Sequence[Method]) -> str:
    names = [row["run"] for method in methods for row in method.rows]
    scenarios = " \\\n  ".join(shlex.quote(f"{name}/scenario.toml") for name in names)
    again = " \\\n  ".join(shlex.quote(f"again/{name}") for name in names)
    return (
        f"{_heading(REPEAT)}\n<p>In the folder that holds the runs, with the versions listed above. All"
        " figures but the seconds come out the same, to the bit on the same kind of processor.</p>\n"
        f"<pre id='repeat'>fedprune run \\\n  {escape(scenarios)} \\\n  --out again\n"
        f"fedprune report \\\n  {escape(again)} \\\n  --out again.html</pre>"
    )
