"""Whose a reply is, and what happens while replies are missing."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from fedprune.engines.crew import Job
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower.keys import RECORD, content
from fedprune.federation.flower.private import LATE, error_reply, node_of, wire_size
from fedprune.federation.flower.transport import Envelopes, Limits, exchange
from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario

SCENARIO = Scenario.from_dict(
    {
        "run": {"rounds": 2, "clients_per_round": 3},
        "partition": {"name": "shards", "clients": 4, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1},
    }
)

Said = tuple[int, bytes | None, str]


class Sealed:
    """A round's messages, with the ids that a grid gives them, and what was said in reply."""

    def __init__(self, grid: CrewGrid, folder: Path) -> None:
        self.round = Round.sampled(Federation(SCENARIO, "run", VersionedStore(folder)), 1)
        self.envelopes = Envelopes(grid.get_node_ids())
        self.messages = [self.envelopes.seal(each) for each in self.round.orders()]
        grid.push_messages(self.messages)

    def said(self, replies: list[Message]) -> list[Said]:
        found = [each for reply in replies for each in self.envelopes.opened(reply)]
        return [(conversation.client, reply.blob, reply.reason) for conversation, reply in found]


@pytest.fixture
def grid() -> Iterator[CrewGrid]:
    with open_grid(InProcess(), client_app="tests.engines.echo_app:app", nodes=4) as opened:
        # What carries a message is of no concern here; it only has to get its id.
        opened._crew.submit = lambda request, nodes, bounds: Job()  # type: ignore[method-assign]
        yield opened


@pytest.fixture
def sealed(grid: CrewGrid, tmp_path: Path) -> Sealed:
    return Sealed(grid, tmp_path)


def test_a_reply_finds_its_conversation_by_the_id_of_its_message(sealed: Sealed) -> None:
    one, two, three = sealed.messages
    first, second, third = sealed.round.clients
    replies = [
        Message(content(b"last"), reply_to=three),
        error_reply(two, LATE, "too late"),
        Message(content(b"first"), reply_to=one),
    ]
    assert sealed.said(replies) == [(third, b"last", ""), (second, None, "too late"), (first, b"first", "")]
    sizes = [each.bytes_down.total for each in sealed.round.conversations.values()]
    assert sizes == [wire_size(each) for each in (one, two, three)]


@pytest.mark.parametrize(
    "record",
    [{}, {RECORD: ConfigRecord()}, {RECORD: ConfigRecord({"blob": "text"})}, {RECORD: ArrayRecord()}],
    ids=["empty", "no blob", "text", "arrays"],
)
def test_a_reply_of_another_form_is_a_reply_without_a_blob(
    record: dict[str, ConfigRecord], sealed: Sealed
) -> None:
    reply = Message(RecordDict(record), reply_to=sealed.messages[0])
    ((_, incoming),) = sealed.envelopes.opened(reply)
    assert (incoming.blob, incoming.reason) == (None, "a reply without a blob")
    assert incoming.transported == wire_size(reply, with_id=False)


def test_a_second_reply_is_refused_and_the_order_is_counted_once(sealed: Sealed) -> None:
    message = sealed.messages[0]
    for blob in (b"first", b"second"):
        for conversation, incoming in sealed.envelopes.opened(Message(content(blob), reply_to=message)):
            conversation.take(incoming)
    assert conversation.refused == "a second reply to one message"
    assert conversation.bytes_down.total == wire_size(message)


def test_a_reply_that_nobody_asked_for_is_passed_over(
    sealed: Sealed, grid: CrewGrid, caplog: pytest.LogCaptureFixture
) -> None:
    (left_out,) = set(range(4)) - set(sealed.round.clients)
    stranger = Message(content(b"order"), node_of(left_out), "train", group_id="1")
    grid.push_messages([stranger])
    assert sealed.said([Message(content(b"blob"), reply_to=stranger)]) == []
    assert f"from node {node_of(left_out)}" in caplog.text


def test_a_late_reply_of_an_earlier_exchange_is_passed_over_though_its_client_is_asked_again(
    sealed: Sealed, grid: CrewGrid, tmp_path: Path
) -> None:
    again = Sealed(grid, tmp_path)
    assert again.round.clients == sealed.round.clients
    assert again.said([Message(content(b"late"), reply_to=sealed.messages[0])]) == []


def test_what_nothing_came_of_is_said_at_the_end(sealed: Sealed) -> None:
    for conversation, incoming in sealed.envelopes.opened(
        Message(content(b"blob"), reply_to=sealed.messages[1])
    ):
        conversation.take(incoming)
    said = [(each.client, reply.reason) for each, reply in sealed.envelopes.unanswered()]
    first, _, third = sealed.round.clients
    assert said == [(first, "no reply in time"), (third, "no reply in time")]


class Polled:
    """A grid as Flower's own are: it takes all that it is given, and has one reply at each look."""

    def __init__(self, grid: CrewGrid) -> None:
        self.grid, self.waiting, self.most = grid, list[Message](), 0

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        pushed = list(messages)
        ids = self.grid.push_messages(pushed)
        self.waiting += pushed
        self.most = max(self.most, len(self.waiting))
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        return [Message(content(b"reply"), reply_to=self.waiting.pop())]


def everyone(folder: Path) -> Round:
    federation = Federation(SCENARIO, "run", VersionedStore(folder))
    return Round(federation, 1, range(4), phase="final", evaluate=True)


def taken(carried: Iterator[tuple[Conversation, Incoming]]) -> list[tuple[Conversation, Incoming]]:
    found = []
    for conversation, reply in carried:
        conversation.take(reply)
        found.append((conversation, reply))
    return found


@pytest.mark.parametrize(("at_once", "most"), [(2, 2), (None, 4)])
def test_no_more_orders_are_under_way_than_are_asked_for(
    grid: CrewGrid, tmp_path: Path, at_once: int | None, most: int
) -> None:
    polled, round = Polled(grid), everyone(tmp_path)
    said = taken(exchange(cast(Grid, polled), grid.get_node_ids(), round.orders(), Limits(at_once=at_once)))
    assert sorted(conversation.client for conversation, _ in said) == [0, 1, 2, 3]
    assert [reply.blob for _, reply in said] == [b"reply"] * 4
    assert polled.most == most


def test_after_the_timeout_every_client_has_been_asked_and_is_accounted_for(
    grid: CrewGrid, tmp_path: Path
) -> None:
    round = everyone(tmp_path)
    said = taken(
        exchange(cast(Grid, Polled(grid)), grid.get_node_ids(), round.orders(), Limits(0.0, at_once=1))
    )
    assert [reply.reason for _, reply in said] == ["", *["no reply in time"] * 3]
    assert all(each.bytes_down.total for each in round.conversations.values())


def test_orders_that_never_went_count_nothing(grid: CrewGrid, tmp_path: Path) -> None:
    round = everyone(tmp_path)
    said = taken(exchange(grid, grid.get_node_ids(), round.orders(), Limits(1e-9)))
    assert [reply.reason for _, reply in said] == ["no reply within 1e-09 s"] * 4
    assert [conversation.bytes_down.total for conversation, _ in said] == [0] * 4
    assert round.outcome().lost_up.total == 0


def test_a_conversation_that_is_dropped_takes_no_memory(grid: CrewGrid, tmp_path: Path) -> None:
    round, seen = everyone(tmp_path), list[weakref.ref[Conversation]]()
    carried = exchange(cast(Grid, Polled(grid)), grid.get_node_ids(), round.orders(), Limits(at_once=1))
    for conversation, _ in carried:
        conversation.refused = "a log that is kept would keep the error, and with it the conversation"
        del round.conversations[conversation.client]
        assert not any(each() for each in seen)
        seen.append(weakref.ref(conversation))
    assert len(seen) == 4
