"""``FlowerStrategy``: Flower's own loop drives the federation, and odd replies find their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict

from fedprune import simulate
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower.adapter import FlowerStrategy
from fedprune.federation.flower.client_app import RECORD, RUNS, content
from fedprune.federation.flower.private import LATE, error_reply, node_of, wire_size
from fedprune.federation.server.round import Federation
from fedprune.runs.folder import RunFolder
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario

SCENARIO = Scenario.from_dict(
    {
        "run": {"rounds": 2, "clients_per_round": 3},
        "partition": {"name": "shards", "clients": 4, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 2, "lr": 0.05},
        "strategy": {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0},
        "engine": {"name": "in_process"},
    }
)


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[CrewGrid]:
    app, config = "fedprune.federation.flower.client_app:app", {RUNS: str(tmp_path)}
    with open_grid(InProcess(), client_app=app, nodes=4, config=config) as opened:
        yield opened


@pytest.fixture
def strategy(tmp_path: Path) -> FlowerStrategy:
    store = VersionedStore(tmp_path / "run" / "state" / "server")
    return FlowerStrategy(Federation(SCENARIO, "run", store))


def sent(strategy: FlowerStrategy, grid: CrewGrid) -> list[Message]:
    """This round's messages, with the ids that a grid gives them."""
    messages = list(strategy.configure_train(1, ArrayRecord(), ConfigRecord(), grid))
    grid.push_messages(messages)
    return messages


def test_flowers_own_loop_gives_the_weights_of_ours(
    strategy: FlowerStrategy, grid: CrewGrid, tmp_path: Path
) -> None:
    result = strategy.start(grid, ArrayRecord(), num_rounds=2)
    (ours,) = simulate.run(SCENARIO, out=tmp_path / "ours")
    weights = RunFolder.open(ours.folder).read_final("weights")
    theirs = strategy.federation.state.weights
    assert theirs.keys() == weights.keys()
    assert all(theirs[name].tobytes() == value.tobytes() for name, value in weights.items())
    assert {name: array.numpy().tobytes() for name, array in result.arrays.items()} == {
        name: value.tobytes() for name, value in weights.items()
    }
    assert [metrics["clients"] for metrics in result.train_metrics_clientapp.values()] == [3, 3]
    spent = sum(metrics["bytes_up"] for metrics in result.train_metrics_clientapp.values())
    # Flower's loop and ours differ in the length of the run's name alone, which only orders hold.
    assert spent == ours.metrics["bytes_up_total"]


def test_messages_go_to_the_sampled_clients_nodes(strategy: FlowerStrategy, grid: CrewGrid) -> None:
    messages = sent(strategy, grid)
    assert [each.metadata.dst_node_id for each in messages] == [
        node_of(client) for client in strategy.federation.sample(1)
    ]
    assert {each.metadata.group_id for each in messages} == {"1"}


def test_each_message_has_an_entry_whatever_came_back(strategy: FlowerStrategy, grid: CrewGrid) -> None:
    one, two, three = sent(strategy, grid)
    replies = [
        error_reply(two, LATE, "too late"),
        Message(content(b"blob"), reply_to=one),
    ]
    entries = strategy.incoming(replies)
    assert [entry.client for entry in entries] == strategy.federation.sample(1)
    assert [(entry.blob, entry.reason) for entry in entries] == [
        (b"blob", ""),
        (None, "too late"),
        (None, "no reply in time"),
    ]
    assert [entry.bytes_down.total for entry in entries] == [wire_size(each) for each in (one, two, three)]
    assert [entry.transported for entry in entries] == [wire_size(replies[1]), wire_size(replies[0]), 0]


@pytest.mark.parametrize(
    "record",
    [{}, {RECORD: ConfigRecord()}, {RECORD: ConfigRecord({"blob": "text"})}, {RECORD: ArrayRecord()}],
    ids=["empty", "no blob", "text", "arrays"],
)
def test_a_reply_of_another_form_is_a_reply_without_a_blob(
    record: dict[str, ConfigRecord], strategy: FlowerStrategy, grid: CrewGrid
) -> None:
    message = sent(strategy, grid)[0]
    entry = strategy.incoming([Message(RecordDict(record), reply_to=message)])[0]
    assert (entry.blob, entry.reason) == (None, "a reply without a blob")
    assert entry.transported > 0


def test_a_second_reply_is_an_entry_of_its_own_and_the_order_is_counted_once(
    strategy: FlowerStrategy, grid: CrewGrid
) -> None:
    message = sent(strategy, grid)[0]
    replies = [Message(content(blob), reply_to=message) for blob in (b"first", b"second")]
    first, second, *_ = strategy.incoming(replies)
    assert (first.client, first.blob) == (second.client, b"first")
    assert second.blob == b"second"
    assert first.bytes_down.total == wire_size(message)
    assert second.bytes_down.total == 0
    assert second.transported == wire_size(replies[1])


def test_a_reply_of_a_node_that_was_not_asked_is_passed_over(
    strategy: FlowerStrategy, grid: CrewGrid
) -> None:
    sent(strategy, grid)
    (left_out,) = set(range(4)) - set(strategy.federation.sample(1))
    stranger = Message(content(b"order"), node_of(left_out), "train", group_id="1")
    grid.push_messages([stranger])
    entries = strategy.incoming([Message(content(b"blob"), reply_to=stranger)])
    assert len(entries) == 3
    assert all(entry.blob is None for entry in entries)
