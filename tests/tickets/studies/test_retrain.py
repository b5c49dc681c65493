from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fedprune.pruning.controls import largest_of
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.tickets.finished import FinishedRun
from fedprune.tickets.lab import Plan
from fedprune.tickets.studies import retrain
from fedprune.tickets.training import score_on_test_data, trained

SHORT = Plan(clients=3, seeds=2, epochs=3, permutations=99)


def planted(folder: Path, density: float) -> FinishedRun:
    """The run with masks of the largest weights after dense training: good ones, known to be."""
    run = FinishedRun.open(folder)
    made, initial = run.experiment.architecture, run.experiment.initial
    masks = {}
    for client in run.clients:
        after = trained(run.experiment, client, initial, Mask(), epochs=10, replicate=0)
        counts = {name: round(density * after[name].size) for name in made.prunable}
        model = Mask(
            {name: np.arange(after[name].size).reshape(after[name].shape) < counts[name] for name in counts}
        )
        masks[client] = largest_of(after, model, made)
    run.__dict__["masks"] = masks
    return run


def test_a_planted_ticket_does_better_than_random_and_shuffled_masks(pruned: Path) -> None:
    run = planted(pruned, 0.05)
    measured = {unit: retrain.measure(run, SHORT, unit) for unit in retrain.units(run, SHORT)}
    result = retrain.conclude(run, SHORT, measured)
    assert len(measured) == 3 * 2 * 7
    assert result["differences"][retrain.RANDOM]["mean"] > 0.1
    assert result["conditions"][retrain.OWN]["density"] == pytest.approx(
        result["conditions"][retrain.RANDOM]["density"]
    )
    assert result["conditions"][retrain.DENSE]["density"] == 1
    assert result["early_round"] == 1
    assert list(result["on_the_way"]) == ["1"]
    text = "\n".join(table.render() for table in retrain.tables(result, run.score))
    assert "after round 1 of 4" in text


def test_conditions_start_from_what_they_are_called(pruned: Path) -> None:
    run = FinishedRun.open(pruned)
    client, initial = run.clients[0], run.experiment.initial
    starts = {name: retrain.start(run, client, 0, name) for name in retrain.CONDITIONS}
    for name in (retrain.OWN, retrain.REWIND, retrain.FRESH):
        assert starts[name][1] == run.masks[client]
    for name in (retrain.OWN, retrain.RANDOM, retrain.SHUFFLED, retrain.LARGEST, retrain.DENSE):
        assert all(np.array_equal(starts[name][0][key], initial[key]) for key in initial)
    assert not np.array_equal(starts[retrain.FRESH][0]["fc1.weight"], initial["fc1.weight"])
    assert not np.array_equal(starts[retrain.REWIND][0]["fc1.weight"], initial["fc1.weight"])
    masked = (retrain.OWN, retrain.RANDOM, retrain.SHUFFLED, retrain.LARGEST)
    assert len({starts[name][1]["fc1.weight"].tobytes() for name in masked}) == 4
    kept, size = starts[retrain.LARGEST][1]["fc1.weight"], np.abs(initial["fc1.weight"])
    assert kept.sum() == run.masks[client]["fc1.weight"].sum()
    assert size[kept].min() >= size[~kept].max()


def test_all_masks_meet_the_same_batches_and_replicates_others(pruned: Path) -> None:
    run = FinishedRun.open(pruned)
    client, initial = run.clients[0], run.experiment.initial
    first, again, other = (
        trained(run.experiment, client, initial, Mask(), epochs=1, replicate=replicate)
        for replicate in (0, 0, 1)
    )
    assert np.array_equal(first["fc1.weight"], again["fc1.weight"])
    assert not np.array_equal(first["fc1.weight"], other["fc1.weight"])
    assert 0 <= score_on_test_data(run.experiment, client, first, Mask()) <= 1


def test_scores_on_the_way_are_those_of_shorter_trainings(pruned: Path) -> None:
    run = FinishedRun.open(pruned)
    unit = f"{run.clients[0]}/0/{retrain.OWN}"
    long, short = (
        retrain.measure(run, Plan(clients=1, seeds=1, epochs=epochs, permutations=9), unit)
        for epochs in (8, 4)
    )
    assert list(long["on_the_way"]) == ["1", "2", "4"]
    assert long["on_the_way"]["4"] == short["test_score"]
    assert short["on_the_way"] == {epoch: long["on_the_way"][epoch] for epoch in ("1", "2")}


def test_differences_are_paired_by_client_after_seeds_are_averaged() -> None:
    accuracy = {
        "own": {(3, 0): 0.9, (3, 1): 0.7, (5, 0): 0.6, (5, 1): 0.6},
        "random": {(3, 0): 0.5, (3, 1): 0.5, (5, 0): 0.6, (5, 1): 0.4},
    }
    found = retrain.against(accuracy, "own", generator(0, "signs"), 99)
    assert list(found) == ["random"]
    assert found["random"]["clients"] == 2
    assert found["random"]["mean"] == pytest.approx(0.2)
