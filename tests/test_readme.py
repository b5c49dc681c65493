"""What the README shows works as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readmes_strategy_is_short_and_runs(tmp_path: Path) -> None:
    source = next(block for block in blocks("python") if "class FedBN" in block)
    assert len(source[source.index("from dataclasses") :].splitlines()) <= 15
    home = tmp_path / "empty"
    (home / "strategies").mkdir(parents=True)
    (home / "strategies" / "fed_bn.py").write_text(source, "utf-8")
    command = next(line for line in "".join(blocks("bash")).splitlines() if "fed_bn" in line)
    small = ["--set", "run.rounds=1", "--set", "run.clients_per_round=2", "--set", "train.epochs=1"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", *command.split(), *small],
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "strategy 'fed_bn' from strategies/fed_bn.py" in done.stderr.splitlines()
    (results,) = (home / "runs").glob("*/results.json")
    sent = json.loads(results.read_text("utf-8"))["bytes_up_total"]
    # Two clients send 13,706 float32 each; the norms of 16 and 32 channels would add 1,536 bytes.
    assert 2 * 4 * 13706 < sent < 2 * 4 * 13706 + 1000


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (Path(__file__).parent.parent / link).exists()] == []
