"""Records: means over those who measured, nulls where nobody did, and bytes until a target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fedprune.federation.protocol.memory import ServerMemory
from fedprune.federation.protocol.messages import Report
from fedprune.federation.server.conversation import Accepted
from fedprune.federation.server.records import (
    Evaluated,
    bytes_to_target,
    client_record,
    layer_densities,
    results,
    round_record,
)
from fedprune.federation.server.round import Outcome
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.scenario import Scenario
from fedprune.score import Score
from fedprune.strategy import Update
from fedprune.wire.account import Bytes

HALF = Mask({"w": np.array([True, False, True, False]), "bn": np.array([False])})
PRUNABLE = {"w": (4,)}
ACCURACY, ERROR = Score("accuracy", percent=True), Score("error", higher_is_better=False)


def accepted(client: int, mask: Mask, **measured: Any) -> Accepted:
    report = Report(
        round=4, client=client, samples=10, kept=True, multiply_adds=100, parameters=50, **measured
    )
    update, alive = Update(client, 10, {}, mask), kept_counts(mask, PRUNABLE)
    return Accepted(
        report, update, alive, ServerMemory(), Bytes(values=8, overhead=2), Bytes(mask=3, overhead=1)
    )


def test_a_round_is_the_mean_over_the_clients_that_measured() -> None:
    outcome = Outcome(
        accepted=[
            accepted(1, HALF, train_loss=1.0, gate_score=0.5, test_score_after=0.2),
            accepted(2, Mask(), train_loss=2.0, test_score_after=0.6),
        ],
        failed={5: "no reply in time"},
        fates={5: "late"},
        lost_down=Bytes(values=100),
        lost_up=Bytes(overhead=7),
    )
    record = round_record(4, [1, 2, 5], outcome, PRUNABLE, ACCURACY, None)
    assert record["clients"] == [1, 2, 5]
    assert record["failed"] == [{"client": 5, "reason": "no reply in time", "fate": "late"}]
    assert record["train_loss"] == 1.5
    assert record["gate_score"] == 0.5
    assert record["test_score_after"] == pytest.approx(0.4)
    assert record["test_score_after_worst10"] == 0.2
    assert record["test_score_before"] is record["test_score_before_std"] is None
    # Norms are no prunable weights: client 1 keeps half, client 2 all.
    assert record["density"] == 0.75
    assert record["density_layers"] == {"w": 0.75}
    assert (record["bytes_down"], record["bytes_down_values"]) == (120, 116)
    assert (record["bytes_up"], record["bytes_up_mask"], record["bytes_up_overhead"]) == (15, 6, 9)


def test_a_clients_record_is_its_report_and_its_bytes() -> None:
    record = client_record(4, accepted(1, HALF, train_loss=1.0), PRUNABLE)
    assert (record["client"], record["samples"], record["density"]) == (1, 10, 0.5)
    assert record["test_score_after"] is None
    assert (record["bytes_down"], record["bytes_up"]) == (10, 4)


def test_a_parameter_that_no_mask_mentions_is_dense() -> None:
    both = [accepted(1, HALF), accepted(2, Mask())]
    counted = [replace(reply, alive=kept_counts(reply.update.mask, {"w": (4,), "v": (2,)})) for reply in both]
    assert layer_densities(counted, {"w": (4,), "v": (2,)}) == {"w": 0.75, "v": 1.0}


def of_round(up: int, down: int, reached: float | None) -> dict[str, Any]:
    return {"bytes_up": up, "bytes_down": down, "test_score_after": reached, "seconds": 0.5}


ROUNDS = [of_round(1, 10, None), of_round(2, 20, 0.6), of_round(3, 30, None), of_round(4, 40, 0.8)]


@pytest.mark.parametrize(
    ("target", "spent"), [(0.5, 33), (0.6, 33), (0.7, 110), (0.8, 110), (0.9, None), (None, None)]
)
def test_bytes_to_target_end_with_the_first_evaluated_round_that_reaches_it(
    target: float | None, spent: int | None
) -> None:
    assert bytes_to_target(ROUNDS, target, ACCURACY) == spent


@pytest.mark.parametrize(("target", "spent"), [(0.9, 33), (0.6, 33), (0.59, None)])
def test_an_error_reaches_its_target_from_above(target: float, spent: int | None) -> None:
    assert bytes_to_target(ROUNDS, target, ERROR) == spent


def test_results_without_any_answer_are_nulls_and_totals() -> None:
    record = results(Scenario.from_dict({}), ACCURACY, 0.1, Evaluated([], {}), ROUNDS, None)
    assert record["clients"] == 0
    assert (record["score"], record["score_unit"], record["score_better"]) == ("accuracy", "share", "higher")
    assert record["score_chance"] == 0.1
    assert record["density"] is record["test_score_personal"] is None
    assert (record["bytes_up_total"], record["bytes_down_total"], record["seconds_total"]) == (10, 100, 2.0)
