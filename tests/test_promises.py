"""``docs/promises.md`` names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "promises.md").read_text("utf-8")


def test_every_promise_says_what_shows_it() -> None:
    entries = TEXT.split("\n## ")[1:]
    assert [entry.split(":")[0] for entry in entries] == [f"R{number}" for number in range(1, 13)]
    assert all("- Shown " in entry and "`tests/" in entry for entry in entries)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[^`]+)`", TEXT))))
def test_what_is_named_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    assert f"\ndef {name}(" in (ROOT / file).read_text("utf-8")
