"""The README and the pages under docs/, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs").glob("*.md"))
"""The pages that tell how to do something, and are played from top to bottom."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Of the languages ``bash`` and ``python`` are to be run and ``toml`` is a scenario, or sections of one.
    What only shows something (a file of another program, commands that need a cluster or a checkout) is
    ``console`` or ``text``. A first line ``# folder/name.py`` or ``# name.toml`` names a file to be written.
    """

    language: str
    text: str
    line: int

    @property
    def file(self) -> str:
        """The file that the block is to be written into, or nothing."""
        named = re.match(r"# ([\w./-]+\.(?:py|toml))\n", self.text)
        return named[1] if named else ""

    @property
    def content(self) -> str:
        """What the file holds."""
        return self.text.partition("\n")[2]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order."""
    text = page.read_text("utf-8")
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def links(page: Path) -> list[str]:
    """What a page links to within the repository, without anchors."""
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
