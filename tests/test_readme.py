"""The README's strategy is as short as it says, and does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.cli import main
from tests.docs.pages import README, blocks


def test_the_readmes_strategy_is_short_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = [block for block in blocks(README) if block.file == "strategies/blend.py"]
    assert len(block.content[block.content.index("from dataclasses") :].splitlines()) <= 15
    (tmp_path / "strategies").mkdir()
    (tmp_path / block.file).write_text(block.content, "utf-8")
    monkeypatch.chdir(tmp_path)
    shown = "".join(block.text for block in blocks(README) if block.language == "bash")
    (command,) = [line for line in shown.splitlines() if "blend" in line]
    small = ["run.rounds=1", "run.clients_per_round=2", "train.epochs=1", "engine.name=in_process"]
    assert main([*command.split()[1:], *(part for setting in small for part in ("--set", setting))]) == 0
    assert "strategy 'blend' from strategies/blend.py" in capsys.readouterr().err.splitlines()
    # Unlike FedAvg's, its clients keep their own models.
    assert len(list((tmp_path / "runs").glob("*/state/clients/*/*"))) == 2
