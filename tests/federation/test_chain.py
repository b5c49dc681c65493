"""Who carries out a stage of [[update]], as the scenario says, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import simulate
from fedprune.federation.experiment import open_experiment
from fedprune.scenario import Scenario, ScenarioError

SMALL: dict[str, Any] = {
    "run": {"rounds": 2, "clients_per_round": 4},
    "data": {"name": "digits"},
    "partition": {"name": "iid", "clients": 5},
    "model": {"name": "mlp", "hidden": [8]},
    "train": {"epochs": 1, "batch_size": 50},
    "engine": {"name": "in_process"},
}


def opened(*tables: dict[str, Any], **sections: Any) -> Any:
    scenario = Scenario.from_dict({**SMALL, **sections, "update": list(tables)})
    return open_experiment(scenario.client_settings(), None)


def test_a_list_or_a_fraction_says_who_and_all_others_carry_out_the_rest() -> None:
    chain = opened({"name": "clip"}, {"name": "sign_flip", "clients": [1, 3]}).chain
    assert [len(chain.of(client)) for client in range(5)] == [1, 2, 1, 2, 1]
    assert chain.attackers == {1, 3}
    assert len(opened({"name": "sign_flip", "fraction": 0.4}).chain.attackers) == 2


def test_what_only_some_carry_out_is_promised_of_nobody() -> None:
    tables = [{"name": "clip", "clients": [0]}, {"name": "gaussian_noise", "clients": [0]}]
    assert opened(*tables).chain.common == []


def test_flipped_labels_are_trained_and_decided_on_and_never_tested_on() -> None:
    honest, lying = (
        opened(*tables, partition={"name": "iid", "clients": 5, "validation": 0.2})
        for tables in ([], [{"name": "label_flip", "clients": [2]}])
    )
    for part in ("training", "gating"):
        for client, changed in ((2, True), (1, False)):
            true, told = getattr(honest, part)(client)[1], getattr(lying, part)(client)[1]
            np.testing.assert_array_equal(told, 9 - true if changed else true)
    np.testing.assert_array_equal(honest.testing(2)[1], lying.testing(2)[1])


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ([{"name": "alie"}], "[[update]] 1 name: is an attack: say who carries it out"),
        ([{"name": "ipm", "clients": [5]}], "[[update]] 1 clients: there is no client 5"),
        ([{"name": "ipm", "clients": [1], "fraction": 0.5}], "[[update]] 1 fraction: give either"),
        (
            [{"name": "clip", "fraction": 0.4}, {"name": "gaussian_noise"}],
            "[[update]] 2 name: needs an update of bounded norm",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_table(tables: list[dict[str, Any]], line: str) -> None:
    with pytest.raises(ScenarioError) as error:
        opened(*tables)
    assert str(error.value).startswith(line)


def test_flipping_labels_needs_labels() -> None:
    with pytest.raises(ScenarioError, match="needs classes"):
        opened({"name": "label_flip", "clients": [0]}, data={"name": "diabetes"})


@pytest.mark.parametrize("strategy", ["standalone", "fedpm", "prunefl"])
def test_a_method_with_no_place_for_an_attack_refuses_it(strategy: str) -> None:
    with pytest.raises(ScenarioError, match="cannot take it"):
        opened({"name": "ipm", "clients": [0]}, strategy={"name": strategy})


@pytest.mark.parametrize("name", ["sign_flip", "min_max", "label_flip"])
def test_attackers_move_the_model_and_results_tell_honest_clients_apart(name: str, tmp_path: Path) -> None:
    ends = []
    for tables in ([], [{"name": name, "clients": [1, 2]}]):
        (made,) = simulate.run({**SMALL, "update": tables}, out=tmp_path)
        found = made.metrics
        weights = (made.folder / "final" / "weights.safetensors").read_bytes()
        ends.append((found["attackers"], weights, found["test_score_personal_honest"]))
    (nobody, before, none), (attackers, after, honest) = ends
    assert (nobody, none, attackers) == (0, None, 2)
    assert before != after
    assert 0 <= honest <= 1
