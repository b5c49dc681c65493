"""The final evaluation loses no client in silence: it asks again, says who is missing, and goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fedprune.estimate import estimate
from fedprune.federation.server.final import asked
from fedprune.federation.server.survey import ATTEMPTS, MissingClientsError
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import Scenario
from tests.conformance.battery import Carried, bits, carry, results, small

CLIENTS, ROUNDS = 6, 2
END = ROUNDS + 1
"""The round by which orders of the final evaluation go."""
FAULT = "RuntimeError: a fault in the test"


def scenario(**evaluate: Any) -> Scenario:
    return small({"name": "sub_fedavg", "gate": 0.0}, run={"rounds": ROUNDS}, evaluate=evaluate)


def orders(carried: Carried) -> int:
    """How many orders of the final evaluation went out."""
    return carried[1].orders[END]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    carried = carry(scenario(), tmp_path_factory.mktemp("undisturbed"))
    assert orders(carried) == CLIENTS
    return bits(carried[0])


def test_a_client_that_is_lost_once_is_asked_again(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    carried = carry(scenario(), tmp_path, faults=[(1, END), (4, END)], times=ATTEMPTS - 1)
    assert orders(carried) == CLIENTS + 2 * (ATTEMPTS - 1)
    assert bits(carried[0]) == undisturbed
    assert not RunFolder(carried[0]).evaluated.exists()


def test_a_run_that_lacks_clients_is_not_complete_and_a_resume_asks_them_alone(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with pytest.raises(MissingClientsError) as caught:
        carry(scenario(), tmp_path, faults=[(0, END), (3, END)])
    assert caught.value.missing == 2
    assert str(caught.value).startswith(
        f"final evaluation: 4 of 6 clients answered, the quorum is 6: client 0 and 1 more: {FAULT}; "
    )
    folder = tmp_path / scenario().run_id()
    assert not (folder / "results.json").exists()
    assert not (folder / "final.jsonl").exists()
    carried = carry(scenario(), tmp_path)
    assert orders(carried) == 2
    assert bits(folder) == undisturbed


def test_no_answer_at_all_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(MissingClientsError, match="0 of 6 clients answered, the quorum is 1: "):
        carry(scenario(quorum=0.01), tmp_path, faults=[(client, END) for client in range(CLIENTS)])
    assert not (tmp_path / scenario().run_id() / "results.json").exists()


def test_results_name_who_is_missing_within_the_quorum_until_a_resume_has_asked_them(
    tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    folder, _ = carry(scenario(quorum=0.8), tmp_path, faults=[(5, END)])
    found = results(folder)
    assert found["clients"] == CLIENTS - 1
    assert found["missing"] == [{"client": 5, "reason": FAULT}]
    carried = carry(scenario(quorum=0.8), tmp_path)
    assert orders(carried) == 1
    assert bits(folder) == undisturbed


def test_answers_about_another_model_are_asked_for_again(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    other = small({"name": "sub_fedavg", "gate": 0.0}, run={"rounds": ROUNDS, "seed": 1})
    for each, fault in ((scenario(), 0), (other, 3)):
        with pytest.raises(MissingClientsError):
            carry(each, tmp_path, faults=[(fault, END)])
    kept = [RunFolder(tmp_path / each.run_id()).evaluated for each in (scenario(), other)]
    kept[0].write_bytes(kept[1].read_bytes())
    carried = carry(scenario(), tmp_path)
    assert orders(carried) == CLIENTS
    assert bits(carried[0]) == undisturbed


def test_a_sample_of_the_clients_stands_for_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sampled = scenario(clients=4, quorum=0.5)
    clients = asked(sampled)
    folder, counted = carry(sampled, tmp_path, faults=[(clients[1], END)])
    assert counted.orders[END] == 4 + ATTEMPTS - 1
    rows = read_lines(folder / "final.jsonl")
    assert [row["client"] for row in rows] == [clients[0], *clients[2:]]
    found = results(folder)
    assert (found["clients"], found["clients_in_all"]) == (3, CLIENTS)
    assert [each["client"] for each in found["missing"]] == [clients[1]]
    scores = [row["test_score_personal"] for row in rows]
    estimated = estimate(scores, CLIENTS)
    assert estimated is not None
    assert (found["test_score_personal_low"], found["test_score_personal_high"]) == (
        estimated.low,
        estimated.high,
    )
    masks = {int(path.stem.removeprefix("mask-")) for path in (folder / "final").glob("mask-*")}
    assert masks <= set(clients)
    assert f"final evaluation, client {clients[1]}: " in caplog.text
    assert f"round {END}" not in caplog.text


def test_a_mean_over_all_clients_has_no_interval(undisturbed: dict[str, Any]) -> None:
    found = undisturbed["results"]
    assert found["clients_in_all"] == CLIENTS
    assert found["test_score_trained_low"] is found["test_score_trained_high"] is None


def test_all_of_ten_thousand_clients_are_asked_and_a_thousand_of_a_million() -> None:
    def of(there: int, **evaluate: int) -> Sequence[int]:
        return asked(
            small({"name": "fedavg"}, partition={"name": "drawn", "clients": there}, evaluate=evaluate)
        )

    assert list(of(10_000)) == list(range(10_000))
    assert len(of(10_001)) == len(set(of(1_000_000))) == 1000
    assert list(of(1_000_000)) == sorted(of(1_000_000))
    assert max(of(1_000_000)) > 900_000
    assert list(of(50, clients=80)) == list(range(50))
    assert len(of(1_000_000, clients=30)) == 30
