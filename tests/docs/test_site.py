"""The site is built strictly: no link and no anchor of a page leads nowhere, and every page is in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import README, ROOT, links

PAGES = sorted((ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_that_a_page_links_to_is_there(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_every_page_of_the_navigation_is_there() -> None:
    text = (ROOT / "zensical.toml").read_text("utf-8")
    tomllib.loads(text)
    listed = re.findall(r'"([\w/.-]+\.md)"', text)
    assert [name for name in listed if not (ROOT / "docs" / name).exists()] == []
    guides = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert guides - set(listed) == set()


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="needs the extra 'docs'")
    for name in ("docs", "fedprune", "strategies"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    start = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "Where to go on" in start
    assert "compare_masks" in (tmp_path / "site" / "python.html").read_text("utf-8")
