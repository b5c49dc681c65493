"""What the README says of the quickstart is so: training alone lies behind, and each byte buys something."""

from __future__ import annotations

from pathlib import Path

import pytest

import fedprune
from fedprune.reports.methods import pareto


@pytest.mark.slow
def test_federation_pays_masks_and_codecs_save_and_several_methods_are_worth_it(tmp_path: Path) -> None:
    made = [fedprune.load(result.folder) for result in fedprune.run("quickstart", out=tmp_path)]
    score = {run.summary["label"]: 100 * run.summary["test_score_personal"] for run in made}
    up = {run.summary["label"]: run.summary["bytes_up_total"] for run in made}
    seconds = sum(run.summary["seconds_total"] for run in made)
    assert score["standalone"] < max(score.values()) - 5
    points = [(label, up[label] / 1e6, score[label]) for label in score]
    assert len(pareto(points, made[0].score)) >= 3
    assert up["fedavg, 2 bits"] < up["fedavg"] / 100
    assert seconds < 60
