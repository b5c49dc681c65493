"""What a report's HTML file holds, as a reader's program would find it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Parsed(HTMLParser):
    """``data``: the embedded JSON; ``tables``: id -> rows of [text, note, value]; ``tags``: start tags."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = path.read_text("utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[list[str | None]]]] = {}
        self.captions: list[str] = []
        self._raw = ""
        self._open: list[str] = []
        self._table = ""
        self.feed(self.text)
        self.data: dict[str, Any] = json.loads(self._raw)
        self.figures = {figure["id"]: figure for figure in self.data["figures"]}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        self._open.append("data" if found.get("id") == "data" else tag)
        if tag == "table":
            self._table = str(found["id"]).removeprefix("table-")
            self.tables[self._table] = []
        elif tag == "tr":
            self.tables[self._table].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1].append(["", "", found.get("data-value")])
        elif tag == "figcaption":
            self.captions.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() not in (tag, "data"):
            pass

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        if self._open[-1] == "data":
            self._raw += data
        elif "figcaption" in self._open:
            self.captions[-1] += data
        elif "td" in self._open or "th" in self._open:
            cell = self.tables[self._table][-1][-1]
            cell[1 if self._open[-1] == "small" else 0] += data  # type: ignore[operator]

    def column(self, table: str, name: str) -> list[list[str | None]]:
        """The cells below a header."""
        header, *rows = self.tables[table]
        place = [cell[0] for cell in header].index(name)
        return [row[place] for row in rows]
