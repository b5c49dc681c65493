"""What a report claims against what the server knows: each claim that contradicts it is refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.federation.protocol.link import SharedMemory
from fedprune.federation.protocol.messages import Report, read, write
from fedprune.federation.server import claims
from fedprune.federation.server.conversation import Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round
from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.wire.errors import CodecError

REPORT = Report(round=1, client=0, samples=20, kept=True, multiply_adds=1, parameters=1)


def scenario(strategy: str) -> Scenario:
    return Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 2},
            "partition": {"name": "shards", "clients": 2, "shard_size": 20},
            "model": {"name": "digits_cnn"},
            "train": {"epochs": 1, "lr": 0.05},
            "strategy": {"name": strategy},
        }
    )


def experiment(strategy: str) -> Experiment:
    return open_experiment(scenario(strategy).client_settings(), None)


def test_fewer_kept_weights_than_the_mask_that_travels_has_are_refused() -> None:
    opened = experiment("sub_fedavg")
    mask = Mask({name: np.ones(shape, np.bool_) for name, shape in opened.prunable.items()})
    sizes = [int(kept.sum()) for kept in mask.values()]
    honest = dataclasses.replace(REPORT, alive=sizes)
    assert claims.alive(honest, opened, mask, training=True) == sizes
    lie = dataclasses.replace(REPORT, alive=[sizes[0] - 1, *sizes[1:]])
    with pytest.raises(CodecError, match="its mask alone has"):
        claims.alive(lie, opened, mask, training=True)
    # The model that is deployed at the end may be older than that mask.
    assert claims.alive(lie, opened, mask, training=False) == lie.alive


@pytest.mark.parametrize(
    ("strategy", "kept", "training", "refused"),
    [
        ("standalone", False, True, "its method does not allow"),
        ("standalone", True, True, None),
        ("fedavg", False, True, None),
        ("fedavg", True, False, "nothing is kept of the evaluation"),
        ("fedavg", False, False, None),
    ],
)
def test_what_a_client_says_it_kept_fits_its_method_and_the_phase(
    strategy: str, kept: bool, training: bool, refused: str | None
) -> None:
    report = dataclasses.replace(REPORT, kept=kept)

    def check() -> None:
        claims.check_kept(report, experiment(strategy), SharedMemory(), training=training)

    if refused is None:
        check()
    else:
        with pytest.raises(CodecError, match=refused):
            check()


def test_a_negative_running_variance_is_refused_and_a_negative_mean_is_not() -> None:
    arrays: dict[str, Any] = {"norm.running_mean": np.float32([-1.0]), "norm.running_var": np.float32([0.0])}
    claims.check_variances(arrays)
    with pytest.raises(CodecError, match=r"norm\.running_var: a variance of -1 is negative"):
        claims.check_variances({**arrays, "norm.running_var": np.float32([1.0, -1.0])})


def test_a_part_that_travels_with_the_report_at_the_end_is_refused(tmp_path: Path) -> None:
    server = Federation(scenario("fedavg"), "run", VersionedStore(tmp_path / "server"))
    (asked,) = Round(server, 1, [0], phase="final", evaluate=True).orders()
    report, parts = read(Report, client_round(asked.order, Machine(tmp_path)))
    assert not parts
    asked.take(Incoming(write(report, {"values": bytes(8)})[0], "", 10**6))
    assert asked.accepted is None
    assert asked.refused == "values: nothing but a report travels at the end"


def test_models_after_the_last_round_are_refused_in_a_round_of_training(tmp_path: Path) -> None:
    server = Federation(scenario("fedavg"), "run", VersionedStore(tmp_path / "server"))
    (asked,) = Round(server, 1, [0]).orders()
    report, parts = read(Report, client_round(asked.order, Machine(tmp_path)))
    asked.take(Incoming(write(dataclasses.replace(report, personal=[]), parts)[0], "", 10**6))
    assert asked.refused == "personal: models after the last round, in a round of training"
