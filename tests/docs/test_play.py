"""The README and every guide are played from top to bottom, each in an empty folder, with fedprune installed.

The first command of the README, right behind its ``pip install``, is started as a reader starts it, all
others as forks of a process that has made their imports: these would take most of the time.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import GUIDES, README, ROOT, blocks
from tests.docs.player import Installed, Player, empty, wheel


def _commands(page: Path) -> set[str]:
    """The commands that a page shows."""
    shown = [block.text for block in blocks(page) if block.language == "bash"]
    return {command.strip() for text in shown for command in re.split(r"&&|\n", text)}


def _is_readmes(page: Path) -> bool:
    """Whether a page shows commands alone, and those of the README alone, which are played there."""
    return all(block.language == "bash" for block in blocks(page)) and _commands(page) <= _commands(README)


PLAYED = [README, *(page for page in GUIDES if not _is_readmes(page))]


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PLAYED, ids=_name)
def test_a_page_works_from_top_to_bottom(
    page: Path, installed: Installed, commands: Path, tmp_path: Path
) -> None:
    with Player(installed, empty(tmp_path / "home"), commands) as reader:
        reader.play(page)


@pytest.mark.parametrize("page", [README, *sorted((ROOT / "docs").rglob("*.md"))], ids=_name)
def test_nothing_is_installed_by_a_name_that_no_index_has(page: Path) -> None:
    for command in re.findall(r"pip install [^`\n#&]*", page.read_text("utf-8")):
        assert not re.search(r"""(^|[\s'"])fedprune([\s'"\[=<>]|$)""", command), command


@pytest.mark.slow
def test_the_readme_works_uncut_after_its_own_install(tmp_path: Path) -> None:
    """As the README says it: pip with all dependencies in a fresh environment, and the whole quickstart."""
    made = Installed(tmp_path / "venv", wheel(tmp_path / "dist"), dependencies=True)
    with Player(made, empty(tmp_path / "home")) as reader:
        reader.play(README)
