"""What a shell is offered when somebody presses Tab, asked as argcomplete's own shell function asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("argcomplete")


def offered(line: str, folder: Path) -> set[str]:
    """The words that complete the last one of a command line."""
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
    answer = folder / "answer"
    subprocess.run(
        [sys.executable, "-m", "fedprune"],
        cwd=folder,
        env={**os.environ, **asked, "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)},
        check=True,
    )
    return {word.strip() for word in answer.read_text("utf-8").split("\n") if word.strip()}


def test_verbs_options_and_the_names_that_they_can_have_are_offered(tmp_path: Path) -> None:
    (tmp_path / "quiet.toml").write_text("")
    (tmp_path / "quiet.txt").write_text("")
    assert {"run", "compare", "artifact"} <= offered("fedprune ", tmp_path)
    assert offered("fedprune run --sw", tmp_path) == {"--sweep"}
    assert offered("fedprune run qui", tmp_path) == {"quickstart", "quiet.toml"}
    assert offered("fedprune tickets --study over", tmp_path) == {"overlap"}
    assert "strategies" in offered("fedprune list st", tmp_path)
