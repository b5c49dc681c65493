"""What stands beside the strategy is at work in a run, and its results say what privacy they gave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fedprune.runs.arrays import unpack
from fedprune.scenario import Scenario

from .battery import CASES, COMBINING, Carried, carry, results, small

CHOICES = [
    (case, section)
    for case, scenario in COMBINING.items()
    for section in ("aggregate", "server_optimizer", "update")
    if getattr(scenario, section) != getattr(Scenario.from_dict({}), section)
]


@pytest.mark.parametrize(("chosen", "section"), CHOICES)
def test_each_choice_gives_other_weights_than_none(
    chosen: str, section: str, tmp_path: Path, undisturbed: Callable[[str], Carried]
) -> None:
    settings = CASES[chosen].to_dict()
    del settings[section]
    plain, _ = carry(Scenario.from_dict(settings), tmp_path)
    folders = (plain, undisturbed(chosen)[0])
    weights = [unpack((folder / "final" / "weights.safetensors").read_bytes()) for folder in folders]
    assert weights[0].keys() == weights[1].keys()
    assert any(weights[0][name].tobytes() != weights[1][name].tobytes() for name in weights[0])


def test_results_say_epsilon_where_there_is_noise_and_null_elsewhere(
    undisturbed: Callable[[str], Carried],
) -> None:
    dense = results(undisturbed("updates-clipped-and-noisy")[0])
    # Equal clients, four a round: the mean of them holds the noise of four.
    assert dense["noise_multiplier"] == pytest.approx(2 * 0.01)
    assert dense["sampling_rate"] == pytest.approx(4 / 6)
    assert (dense["epsilon"] > 100, dense["delta"]) == (True, 1e-5)
    masked = results(undisturbed("updates-clipped-and-noisy-under-masks")[0])
    assert masked["noise_multiplier"] == pytest.approx(0.01)
    assert masked["epsilon"] > dense["epsilon"]
    assert results(undisturbed("fedavg")[0])["epsilon"] is None


def test_noise_reaches_the_servers_weights_as_much_as_was_asked_for(tmp_path: Path) -> None:
    norms = []
    for multiplier in (1e-6, 0.3):
        stages = [{"name": "clip"}, {"name": "gaussian_noise", "multiplier": multiplier}]
        scenario = small({"name": "fedavg"}, model={"name": "digits_cnn", "batch_norm": False}, update=stages)
        folder, _ = carry(scenario, tmp_path)
        weights = unpack((folder / "final" / "weights.safetensors").read_bytes())
        norms.append(sum(float((value**2).sum()) for value in weights.values()) ** 0.5)
    assert norms[1] > 1.5 * norms[0]
