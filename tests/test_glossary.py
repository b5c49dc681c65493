"""The glossary speaks of what there is, and says each word once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import fedprune
from fedprune.plugins import bundled

GLOSSARY = (Path(__file__).parent.parent / "docs" / "glossary.md").read_text("utf-8")
SOURCES = [*Path(fedprune.__file__).parent.rglob("*.py"), *bundled("strategies").glob("*.py")]


def entries() -> list[tuple[str, str]]:
    """(word, meaning) of each line of the tables."""
    rows = [line.strip("| ").split(" | ") for line in GLOSSARY.splitlines() if line.startswith("| ")]
    return [(row[0], row[1]) for row in rows if row[0] not in ("word", "---")]


def test_every_class_that_the_glossary_names_exists() -> None:
    named = set(re.findall(r"`([A-Z]\w+)`", GLOSSARY))
    defined = {
        node.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    assert len(named) > 30
    assert named - defined == set()


def test_every_word_has_one_entry_and_a_meaning() -> None:
    words = [word for entry, _ in entries() for word in entry.split(", ")]
    assert len(words) > 60
    assert sorted(set(words)) == sorted(words)
    assert all(len(meaning.split()) > 5 for _, meaning in entries())
