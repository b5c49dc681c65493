"""Parts of a data set: a client trains from its own part to the bits that it trains to from the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fedprune import UserError
from fedprune.data.dataset import load_dataset
from fedprune.data.errors import DataError, PartitionError
from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.cut import cut
from fedprune.federation.experiment import checked_experiment, open_experiment
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from tests.conformance.battery import PRUNING

CLIENTS = 3


def scenario(test: str = "labels", seed: int = 0) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"rounds": 1, "clients_per_round": CLIENTS, "seed": seed},
            "partition": {"name": "shards", "clients": CLIENTS, "validation": 0.2, "test": test},
            "model": {"name": "mlp", "hidden": [16]},
            "train": {"epochs": 1},
            "strategy": PRUNING,
        }
    )


SCENARIO = scenario()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    cut(SCENARIO, folder)
    return folder


def replies(asked: Scenario, folder: Path, data: Path | None) -> list[bytes]:
    """What each client replies to the first round's order, from the whole data or from its own part."""
    federation = Federation(asked, "run", VersionedStore(folder / "server"))
    everyone = Round(federation, 1, range(CLIENTS), evaluate=True)
    return [
        client_round(each.order, Machine(folder / "runs", data and str(data / str(each.client))))
        for each in everyone.orders()
    ]


@pytest.mark.parametrize("test", ["labels", "partition", "global"])
def test_a_client_replies_from_its_part_what_it_replies_from_the_whole(test: str, tmp_path: Path) -> None:
    cut(scenario(test), tmp_path / "parts")
    whole = replies(scenario(test), tmp_path / "whole", None)
    assert replies(scenario(test), tmp_path / "cut", tmp_path / "parts") == whole


def test_a_part_holds_no_sample_of_another_client(parts: Path) -> None:
    whole = checked_experiment(SCENARIO)
    part = load_dataset("digits", parts / "2")
    own = np.concatenate([whole.partition.train(2), whole.partition.validation(2)])
    others = np.setdiff1d(np.arange(len(part.train_y)), own)
    assert np.array_equal(part.train_x[own], whole.dataset.train_x[own])
    assert not part.train_x[others].any()
    assert not part.train_y[others].any()
    assert not load_dataset("digits", parts / "server").train_x.any()


def test_holes_take_no_room(parts: Path) -> None:
    # Of features the server has none; a block of the disk holds many clients' digits.
    file = (parts / "server" / "train_x.npy").stat()
    assert file.st_blocks * 512 < file.st_size / 8


def test_the_server_knows_from_its_part_what_it_knows_from_the_whole(parts: Path) -> None:
    whole, part = (
        checked_experiment(SCENARIO),
        open_experiment(SCENARIO.client_settings(), str(parts / "server")),
    )
    assert part.partition.manifest() == whole.partition.manifest()
    assert (part.chance, part.dataset.fingerprint) == (whole.chance, whole.dataset.fingerprint)
    tested = zip(part.all_testing(), whole.all_testing(), strict=True)
    assert all(mine[0].equal(theirs[0]) and mine[1].equal(theirs[1]) for mine, theirs in tested)


def test_another_clients_part_is_refused(parts: Path) -> None:
    other = open_experiment(SCENARIO.client_settings(), str(parts / "2"))
    with pytest.raises(PartitionError, match=r"parts\d*/2 holds nothing of client 1: it is another's part"):
        other.training(1)


def test_a_part_for_another_partition_or_data_set_is_refused(parts: Path) -> None:
    with pytest.raises(PartitionError, match="holds a part for another partition, seed"):
        open_experiment(scenario(seed=1).client_settings(), str(parts / "0"))
    with pytest.raises(DataError, match="holds a part of 'digits', the scenario is about 'breast_cancer'"):
        load_dataset("breast_cancer", parts / "0")


def test_a_damaged_part_is_told(tmp_path: Path) -> None:
    cut(SCENARIO, tmp_path)
    (tmp_path / "0" / "train_x.npy").write_bytes(b"cut short")
    with pytest.raises(DataError, match=r"0: a damaged part of a data set: .*; copy it anew"):
        load_dataset("digits", tmp_path / "0")


def test_parts_that_are_there_are_not_written_over(parts: Path) -> None:
    with pytest.raises(DataError, match="is there already"):
        cut(SCENARIO, parts)


def test_a_task_that_is_fitted_to_all_targets_is_not_cut(tmp_path: Path) -> None:
    values = Scenario.from_dict(
        {
            "data": {"name": "diabetes"},
            "partition": {"name": "iid", "clients": 10},
            "model": {"name": "mlp"},
        }
    )
    with pytest.raises(UserError, match="task 'regression' is fitted to the training targets of all clients"):
        cut(values, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()
