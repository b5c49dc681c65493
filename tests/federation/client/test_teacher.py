"""Distillation in a round: who teaches, what is kept for it, and recovery only after a prune."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fedprune.data.errors import DataError
from fedprune.federation.client.teacher import Teacher
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.federation.protocol.link import SharedMemory
from fedprune.federation.protocol.memory import ClientMemory
from fedprune.pruning.mask import Mask
from fedprune.runs.arrays import unpack
from fedprune.scenario import Scenario
from fedprune.types import Arrays
from tests.conformance.battery import carry, last_versions, records, small


def made(distill: dict[str, Any], strategy: str = "fedavg", **train: Any) -> Experiment:
    scenario = small({"name": strategy}, distill=distill, train=train)
    return open_experiment(scenario.client_settings(), None)


def met(experiment: Experiment, kept: ClientMemory, received: Arrays) -> tuple[Teacher, LocalWork]:
    work = LocalWork(experiment, 0, 1, experiment.training(0))
    teacher = Teacher(experiment, work, kept)
    teacher.meet(received, Mask())
    work.lesson = teacher.lesson
    return teacher, work


def kept(**rooms: Arrays) -> ClientMemory:
    return ClientMemory(Mask(), SharedMemory(), rooms.get("weights", {}), {}, rooms.get("teacher", {}))


def taught_by(teacher: Teacher, experiment: Experiment, weights: Arrays) -> bool:
    """Whether the lesson's targets are what a model with these weights says."""
    lesson, x = teacher.lesson(), experiment.training(0)[0]
    assert lesson is not None
    module = experiment.architecture.load(weights).eval()
    with torch.no_grad():
        return torch.equal(lesson.answers(x), module(x))


def test_received_and_previous_are_the_models_they_are_called_after() -> None:
    experiment = made({"teacher": "received"})
    received, own = experiment.initial, experiment.architecture.initial_weights(9)
    assert taught_by(met(experiment, kept(teacher=own), received)[0], experiment, received)
    experiment = made({"teacher": "previous"})
    assert taught_by(met(experiment, kept(teacher=own), received)[0], experiment, own)
    assert taught_by(met(experiment, kept(), received)[0], experiment, received)
    experiment = made({"teacher": "previous"}, strategy="sub_fedavg")
    teacher, _ = met(experiment, kept(weights=own), received)
    assert taught_by(teacher, experiment, own)
    assert not teacher.keeps(own)  # the strategy keeps it already


def test_without_a_teacher_or_at_alpha_0_the_loss_is_cross_entropy() -> None:
    plain = made({})
    expected = met(plain, kept(), plain.initial)[1].fit(plain.initial, Mask())
    for distill in ({"teacher": "none", "alpha": 0.9}, {"teacher": "local", "alpha": 0.0}):
        experiment = made(distill)
        teacher, work = met(experiment, kept(), experiment.initial)
        found = work.fit(experiment.initial, Mask())
        assert all(np.array_equal(found[name], value) for name, value in expected.items())
        assert not teacher.keeps(found)


def test_a_local_teacher_learns_on_from_round_to_round_beside_the_strategy() -> None:
    experiment = made({"teacher": "local", "model": {"name": "digits_cnn", "width": 2.0}})
    first, work = met(experiment, kept(), experiment.initial)
    taught = work.fit(experiment.initial, Mask())
    after_one = first.keeps(taught)
    assert after_one["fc1.weight"].shape != taught["fc1.weight"].shape
    second, _ = met(experiment, kept(teacher=after_one), experiment.initial)
    assert second.lesson() is not None
    after_two = second.keeps(taught)
    x, y = experiment.training(0)

    def loss(weights: Arrays) -> float:
        module = experiment.teacher.load(weights).eval()
        with torch.no_grad():
            return float(torch.nn.functional.cross_entropy(module(x), y))

    assert loss(after_two) < loss(after_one) < loss(experiment.teacher.initial_weights(0))


def test_a_strategys_own_loss_wins_and_trains_no_teacher() -> None:
    experiment = made({"teacher": "local"})
    teacher, work = met(experiment, kept(), experiment.initial)
    work.fit(experiment.initial, Mask(), loss=lambda model, x, y: model.module(x).square().mean())
    assert not teacher.keeps(experiment.initial)


def test_a_teachers_state_is_in_a_room_of_its_own(tmp_path: Path) -> None:
    folder, _ = carry(small({"name": "fedavg"}, distill={"teacher": "previous"}), tmp_path)
    states = [unpack(data) for path, data in last_versions(folder).items() if "clients" in path]
    assert states
    assert all(key.startswith("teacher:") for state in states for key in state)


PRUNING = {"name": "sub_fedavg", "step": 0.5, "target": 0.5, "distance": 0.0, "gate": 0.0}


def carried(tmp_path: Path, strategy: dict[str, Any], **distill: Any) -> list[dict[str, Any]]:
    scenario = small(strategy, distill=distill, run={"rounds": 2})
    folder, _ = carry(scenario, tmp_path / scenario.run_id())
    return records(folder, "clients.jsonl")


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_recovery_follows_a_prune_and_only_a_prune(tmp_path: Path, alpha: float) -> None:
    """The target is reached in one step: a client's second round prunes nothing."""
    plain, recovered = (carried(tmp_path, PRUNING, alpha=alpha, recover=epochs) for epochs in (0, 1))
    first = {row["client"]: row["train_loss"] for row in plain if row["round"] == 1}
    again = {row["client"]: row["train_loss"] for row in recovered if row["round"] == 1}
    assert first.keys() == again.keys()
    assert all(first[client] != again[client] for client in first)
    assert all(row["density"] == pytest.approx(0.5, abs=0.01) for row in recovered)
    dense = [carried(tmp_path, {"name": "fedavg"}, recover=epochs) for epochs in (0, 1)]
    without = [{key: row[key] for key in ("train_loss", "test_score_after")} for row in dense[0]]
    assert without == [{key: row[key] for key in ("train_loss", "test_score_after")} for row in dense[1]]


def test_training_stops_at_the_best_epoch_by_validation_data() -> None:
    sections = {"partition": {"validation": 0.25}, "train": {"epochs": 12, "lr": 0.1}}
    accuracies: dict[int, float] = {}
    settings = small({"name": "fedavg"}, **sections).client_settings()
    experiment = open_experiment(settings, None)
    free = LocalWork(experiment, 0, 1, experiment.training(0))
    seen: dict[int, Arrays] = {}
    free.fit(experiment.initial, Mask(), after_epoch=seen.__setitem__)
    accuracies = {epoch: free.gate(weights, Mask()) for epoch, weights in seen.items()}
    sections["train"]["patience"] = 2
    patient = open_experiment(small({"name": "fedavg"}, **sections).client_settings(), None)
    work = LocalWork(patient, 0, 1, patient.training(0))
    epochs: dict[int, Arrays] = {}
    found = work.fit(patient.initial, Mask(), after_epoch=epochs.__setitem__)
    best = max(epochs, key=lambda epoch: (accuracies[epoch], -epoch))
    assert len(epochs) == best + 2 < 12
    assert all(np.array_equal(found[name], value) for name, value in seen[best].items())


def test_augmentation_changes_training_alone_and_borders_are_the_background() -> None:
    plain, augmenting = (
        open_experiment(small({"name": "fedavg"}, data={"augment": augment}).client_settings(), None)
        for augment in (False, True)
    )
    works = [LocalWork(experiment, 0, 1, experiment.training(0)) for experiment in (plain, augmenting)]
    one, other = (work.fit(plain.initial, Mask()) for work in works)
    assert any(not np.array_equal(one[name], other[name]) for name in one)
    assert works[0].gate(one, Mask()) == works[1].gate(one, Mask())
    gradients = [work.gradient(plain.initial) for work in works]
    assert all(np.array_equal(gradients[0][name], value) for name, value in gradients[1].items())
    change = augmenting.augmentation
    assert change is not None
    x = augmenting.training(0)[0]
    assert float(change(x, np.random.default_rng(0)).min()) == float(
        x.min()
    )  # black, of which digits have some themselves


def test_a_set_without_augmentation_is_refused_in_one_line() -> None:
    scenario = Scenario.from_dict(
        {"data": {"name": "breast_cancer", "augment": True}, "model": {"name": "mlp"}}
    )
    with pytest.raises(DataError, match="'breast_cancer' declares no augmentation"):
        open_experiment(scenario.client_settings(), None)
