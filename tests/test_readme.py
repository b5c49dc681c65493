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
    source = next(block for block in blocks("python") if "class FedBN" in block)
    assert len(source[source.index("from dataclasses") :].splitlines()) <= 15
    (tmp_path / "fed_bn.py").write_text(source, "utf-8")
    info = tmp_path / "bn-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bn\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[fedprune.strategies]\nfed_bn = fed_bn\n", "utf-8")
    settings = {
        "run": {"rounds": 1, "clients_per_round": 2},
        "partition": {"clients": 4},
        "model": {"name": "digits_cnn", "batch_norm": True},
        "train": {"epochs": 1},
        "strategy": {"name": "fed_bn"},
        "engine": {"name": "in_process"},
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
    # Two clients send 13,706 float32 each; the norms of 16 and 32 channels would add 1,536 bytes.
    assert 2 * 4 * 13706 < sent < 2 * 4 * 13706 + 1000


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (Path(__file__).parent.parent / link).exists()] == []
