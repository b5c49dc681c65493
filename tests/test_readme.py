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
    source = next(block for block in blocks("python") if "class LGFedAvg" in block)
    assert len(source[source.index("from dataclasses") :].splitlines()) <= 15
    (tmp_path / "lg_fedavg.py").write_text(source, "utf-8")
    info = tmp_path / "lg-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lg\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[fedprune.strategies]\nlg_fedavg = lg_fedavg\n", "utf-8")
    settings = {
        "run": {"rounds": 1, "clients_per_round": 2},
        "partition": {"clients": 4},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1},
        "strategy": {"name": "lg_fedavg", "shared": "fc2"},
        "engine": {"workers": 0},
    }
    code = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "import fedprune\n"
        f"metrics = fedprune.run({settings!r}, out={str(tmp_path / 'runs')!r})[0].metrics\n"
        "print(metrics['clients'], metrics['bytes_up_total'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    clients, sent = map(int, done.stdout.split())
    assert clients == 4
    # Two clients send the last layer (10 outputs of 64 inputs, float32), not the model of some 55 kB.
    assert 2 * 4 * 650 < sent < 2 * 4 * 650 + 2000


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (Path(__file__).parent.parent / link).exists()] == []
