"""Every method has a card, and every card names the paper it rests on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fedprune import plugins

CARDS = Path(__file__).parent.parent / "docs" / "methods"
NAMES = sorted(path.stem for path in CARDS.glob("*.md") if path.stem != "README")
PAPER = re.compile(
    r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.|proceedings\.|papers\.|openreview\.net/)"
)


@pytest.mark.parametrize("strategy", plugins.names("strategies"))
def test_every_strategy_has_a_card(strategy: str) -> None:
    assert strategy in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_card_links_a_paper_and_shows_a_command(name: str) -> None:
    card = (CARDS / f"{name}.md").read_text("utf-8")
    assert PAPER.search(card)
    assert re.search(r"```(bash|python)\n.*fedprune", card, re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_card_links_to_is_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (CARDS / f"{name}.md").read_text("utf-8"))
    assert [link for link in links if not (CARDS / link).exists()] == []
