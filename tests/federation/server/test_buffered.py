"""Buffered rounds: who is at work when by the simulated clock, whatever the machine does in which order."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fedprune import plugins
from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.server.buffered import Buffered, Replies
from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.lockstep import Lockstep
from fedprune.federation.server.round import Outcome, TooFewRepliesError
from fedprune.federation.server.troubles import Troubles
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario, ScenarioError
from fedprune.scenario.sections import FaultsSection
from fedprune.seeds import generator
from fedprune.strategy import make_strategy

CLOCK = {"name": "two_groups", "seconds_per_multiply_add": 1e-6}
NO_TROUBLES = Troubles(FaultsSection(), seed=3)
SMALL: dict[str, Any] = {
    "run": {"mode": "buffered", "rounds": 8, "clients_per_round": 3, "concurrency": 5, "seed": 3},
    "data": {"name": "digits"},
    "partition": {"name": "shards", "clients": 12, "shard_size": 10},
    "model": {"name": "mlp", "hidden": [8]},
    "train": {"epochs": 1, "batch_size": 20},
    "strategy": {"name": "sub_fedavg", "step": 0.3, "distance": 0.0, "gate": 0.0},
    "clock": CLOCK,
    "evaluate": {"every": 0},
    "engine": {"name": "in_process"},
}


def scenario(**sections: Any) -> Scenario:
    return Scenario.from_dict(
        {**SMALL, **{name: {**SMALL.get(name, {}), **keys} for name, keys in sections.items()}}
    )


class Machinery:
    """Answers orders in an order drawn from ``seed``, at most ``at_once`` of them taken ahead; clients in
    ``failing`` never reply."""

    def __init__(self, folder: Path, seed: int, at_once: int, failing: Iterable[int] = ()) -> None:
        self.machine, self.rng, self.at_once = Machine(folder), random.Random(seed), at_once
        self.failing = set(failing)
        self.most_ahead = 0

    def exchange(self, conversations: Iterable[Conversation | None]) -> Replies:
        orders, taken = iter(conversations), list[Conversation]()
        while True:
            while len(taken) < self.at_once and (order := next(orders, None)) is not None:
                taken.append(order)
            if not taken:
                return
            self.most_ahead = max(self.most_ahead, len(taken))
            conversation = taken.pop(self.rng.randrange(len(taken)))
            if conversation.client in self.failing:
                yield conversation, Incoming(None, "its battery is empty", 0)
            else:
                blob = client_round(conversation.order, self.machine)
                yield conversation, Incoming(blob, "", len(blob))


def server(made: Scenario, folder: Path) -> Federation:
    """The server of a scenario, before its first round."""
    (folder / "run" / "state" / "server").mkdir(parents=True)
    return Federation(made, "run", VersionedStore(folder / "run" / "state" / "server"))


def played(
    made: Scenario, folder: Path, *, seed: int = 0, at_once: int = 1, failing: Iterable[int] = ()
) -> tuple[Federation, list[tuple[list[int], Outcome, float]], Machinery]:
    """All rounds of a scenario: the federation after them, and each round's clients, outcome and end."""
    federation = server(made, folder)
    machinery = Machinery(folder, seed, at_once, failing)
    pace, now, found = Buffered(federation, machinery.exchange), 0.0, []
    for number in range(1, made.run.rounds + 1):
        round, outcome, elapsed = pace.play(number, 0, now)
        assert elapsed is not None
        now = elapsed.total
        found.append((list(round.clients), outcome, now))
    pace.close()
    return federation, found, machinery


def told(rounds: list[tuple[list[int], Outcome, float]]) -> list[Any]:
    """What rounds came to, as values to compare."""
    return [
        (clients, [reply.report for reply in outcome.accepted], outcome.failed, at)
        for clients, outcome, at in rounds
    ]


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return played(scenario(), tmp_path_factory.mktemp("one"))


@pytest.mark.parametrize(("seed", "at_once"), [(1, 2), (2, 4), (3, 100)])
def test_neither_the_number_of_workers_nor_the_order_of_their_replies_changes_a_bit(
    seed: int, at_once: int, one_by_one: Any, tmp_path: Path
) -> None:
    federation, rounds, _ = played(scenario(), tmp_path, seed=seed, at_once=at_once)
    assert told(rounds) == told(one_by_one[1])
    expected = one_by_one[0].state
    for name, weights in federation.state.weights.items():
        assert weights.tobytes() == expected.weights[name].tobytes()
    assert federation.state.versions == expected.versions


def test_several_workers_find_work_at_the_same_time(tmp_path: Path) -> None:
    _, _, machinery = played(scenario(run={"concurrency": 8}), tmp_path, at_once=100)
    assert machinery.most_ahead == 8


def replay(seconds: dict[tuple[int, int], float], made: Scenario) -> list[tuple[list[int], float]]:
    """Each round's clients and end, by a plain simulation that is told how long each order takes.

    Args:
        seconds: (client, round of its order) -> simulated seconds; an order without any takes for ever.
        made: says how many are at work, and how many replies make a round.
    """
    run, clients = made.run, made.partition.clients
    draws = Federation(made, "", VersionedStore(Path()))
    flying: list[tuple[float, int]] = []
    now, sent, rounds = 0.0, 0, list[tuple[list[int], float]]()
    while len(rounds) < run.rounds:
        buffer: list[int] = []
        while len(buffer) < run.clients_per_round:
            while len(flying) < run.concurrency:
                sent += 1
                busy = {client for _, client in flying} | set(buffer)
                client = next(each for each in drawn(draws, sent, clients) if each not in busy)
                heapq.heappush(flying, (now + seconds.get((client, len(rounds) + 1), 1e9), client))
            now, client = heapq.heappop(flying)
            buffer.append(client)
        rounds.append((sorted(buffer), now))
    return rounds


def drawn(federation: Federation, number: int, clients: int) -> Iterable[int]:
    rng = generator(federation.scenario.run.seed, "sampling", round=number)
    while True:
        yield int(rng.choice(clients, 1, replace=False)[0])


def test_rounds_are_those_of_a_plain_simulation(one_by_one: Any) -> None:
    rounds = one_by_one[1]
    seconds = {
        (reply.report.client, reply.report.round): reply.seconds
        for _, outcome, _ in rounds
        for reply in outcome.accepted
    }
    assert [(clients, at) for clients, _, at in rounds] == replay(seconds, scenario())


def test_some_updates_are_stale_and_fast_clients_take_part_more_often(one_by_one: Any) -> None:
    rates = scenario().clock.made()
    replies = [
        (number, reply.report)
        for number, (_, outcome, _) in enumerate(one_by_one[1], 1)
        for reply in outcome.accepted
    ]
    assert any(number > report.round for number, report in replies)
    slow = [rates.rates(report.client, 1, 3).seconds_per_multiply_add > 1e-6 for _, report in replies]
    assert sum(slow) < len(slow) / 2


def test_a_client_never_works_on_two_orders_nor_twice_on_one_round(one_by_one: Any) -> None:
    orders = [
        (reply.report.client, reply.report.round)
        for _, outcome, _ in one_by_one[1]
        for reply in outcome.accepted
    ]
    assert len(set(orders)) == len(orders)


def test_one_client_at_a_time_gives_the_bits_of_lockstep_with_one_client_a_round(tmp_path: Path) -> None:
    alone = {"clients_per_round": 1, "concurrency": 1}
    buffered, rounds, _ = played(scenario(run=alone), tmp_path / "buffered")
    lockstep = server(scenario(run={**alone, "mode": "lockstep", "concurrency": None}), tmp_path / "lockstep")
    pace, now = Lockstep(lockstep, Machinery(tmp_path / "lockstep", 0, 1).exchange, NO_TROUBLES), 0.0
    for number, (clients, _, at) in enumerate(rounds, start=1):
        round, _, elapsed = pace.play(number, 0, now)
        assert elapsed is not None
        now = elapsed.total
        assert (list(round.clients), pytest.approx(now)) == (clients, at)
    for name, weights in lockstep.state.weights.items():
        assert weights.tobytes() == buffered.state.weights[name].tobytes()


def test_a_client_that_fails_counts_as_come_and_makes_room_for_another(tmp_path: Path) -> None:
    _, rounds, _ = played(scenario(run={"quorum": 0.3}), tmp_path, failing=[1, 7])
    failed = [client for _, outcome, _ in rounds for client in outcome.failed]
    assert {1, 7} >= set(failed) > set()
    assert all(len(clients) == 3 for clients, _, _ in rounds)


def test_too_few_replies_end_the_run_with_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(TooFewRepliesError, match=r"round 1: 0 of 3 replies count.*its battery is empty"):
        played(scenario(), tmp_path, failing=range(12))


def test_where_all_clients_are_at_work_at_once_the_buffer_still_fills(tmp_path: Path) -> None:
    made = scenario(run={"concurrency": 4, "clients_per_round": 4}, partition={"clients": 4})
    _, rounds, _ = played(made, tmp_path)
    assert all(clients == [0, 1, 2, 3] for clients, _, _ in rounds)
    assert all(
        reply.report.round == number
        for number, (_, outcome, _) in enumerate(rounds, 1)
        for reply in outcome.accepted
    )


@pytest.mark.parametrize(
    ("sections", "what"),
    [
        ({"run": {"concurrency": None}}, "[run] mode: buffered needs to know how many clients are at work"),
        ({"run": {"concurrency": 13}}, "[run] concurrency: 13 of 12 clients"),
        ({"run": {"mode": "lockstep"}}, "[run] concurrency: is of buffered mode; remove it"),
        (
            {"run": {"mode": "lockstep", "concurrency": None, "staleness": 1.0}},
            "[run] staleness: is of buffered mode",
        ),
        ({"clock": {"name": None}}, "[clock] seconds_per_multiply_add: belongs to a clock"),
        (
            {"strategy": {"name": "scaffold"}},
            "[run] mode: 'scaffold' cannot be buffered: its control variates",
        ),
        (
            {"strategy": {"name": "standalone"}},
            "[run] mode: 'standalone' cannot be buffered: nothing travels",
        ),
        ({"run": {"staleness": -1.0}}, "[run] staleness: "),
        ({"faults": {"dropout": 0.1}}, "[faults] dropout: goes wrong in lockstep rounds alone"),
        ({"faults": {"corrupt": 0.1}}, "[faults] corrupt: goes wrong in lockstep rounds alone"),
        ({"faults": {"replay": 0.1}}, "[faults] replay: goes wrong in lockstep rounds alone"),
        ({"faults": {"crash": 0.1}}, "[faults] crash: goes wrong in lockstep rounds alone"),
    ],
)
def test_what_cannot_be_buffered_is_told_in_one_line(sections: dict[str, Any], what: str) -> None:
    merged = {name: {**SMALL.get(name, {}), **keys} for name, keys in sections.items() if name != "strategy"}
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict({**SMALL, "strategy": sections.get("strategy", SMALL["strategy"]), **merged})
    assert what in str(caught.value)


def test_buffered_rounds_need_a_clock() -> None:
    with pytest.raises(
        ScenarioError, match=r"\[run\] mode: buffered needs simulated speeds.*set \[clock\] name"
    ):
        Scenario.from_dict({name: keys for name, keys in SMALL.items() if name != "clock"})


def test_noise_whose_privacy_is_accounted_for_uniform_rounds_is_refused() -> None:
    noisy = [{"name": "clip", "norm": 1.0}, {"name": "gaussian_noise", "multiplier": 1.0}]
    with pytest.raises(ScenarioError, match="its privacy is accounted for rounds of clients drawn alike"):
        Scenario.from_dict({**SMALL, "strategy": {"name": "fedavg"}, "update": noisy})


@pytest.mark.slow
@pytest.mark.parametrize("name", plugins.names("strategies"))
def test_a_strategy_learns_in_buffered_rounds_or_says_why_not(name: str, tmp_path: Path) -> None:
    raw = {**SMALL, "strategy": {"name": name}, "model": {"name": "digits_cnn", "batch_norm": True}}
    raw["run"] = {**SMALL["run"], "rounds": 4}
    if make_strategy({"name": name}).refuses("buffered"):
        with pytest.raises(ScenarioError, match=f"'{name}' cannot be buffered: "):
            Scenario.from_dict(raw)
        return
    made = Scenario.from_dict(raw)
    _, rounds, _ = played(made, tmp_path, at_once=3)
    assert not any(outcome.failed for _, outcome, _ in rounds)
