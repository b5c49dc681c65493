"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readmes_strategy_is_short_and_runs(tmp_path: Path) -> None:
    source = next(block for block in blocks("python") if "class Blend" in block)
    assert len(source[source.index("from dataclasses") :].splitlines()) <= 15
    home = tmp_path / "empty"
    (home / "strategies").mkdir(parents=True)
    (home / "strategies" / "blend.py").write_text(source, "utf-8")
    command = next(line for line in "".join(blocks("bash")).splitlines() if "blend" in line)
    small = ["--set", "run.rounds=1", "--set", "run.clients_per_round=2", "--set", "train.epochs=1"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", *command.split(), *small],
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "strategy 'blend' from strategies/blend.py" in done.stderr.splitlines()
    # Unlike FedAvg's, its clients keep their own models.
    assert len(list((home / "runs").glob("*/state/clients/*"))) == 2


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (Path(__file__).parent.parent / link).exists()] == []
