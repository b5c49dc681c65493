"""The mod and the grid on their own: what the codec takes, what it gives back, what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp.typing import ClientAppCallable

from fedprune import Codec, UserError
from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.grid import CrewGrid, open_grid
from fedprune.federation.flower.private import RAISED, client_of, error_reply, node_of
from fedprune.flower import BytesGrid, BytesMod
from fedprune.wire.account import Bytes

CONTEXT = Context(1, 1, {}, RecordDict(), {})
CODEC = Codec(values="uniform", bits=8)


class Local(CrewGrid):
    """A real grid's ids and addresses, with replies that a test's own function makes of the messages."""

    def __init__(self, app: ClientAppCallable) -> None:
        super().__init__(InProcess().open("none:none", {}), 3)
        self.app = app

    def send_and_receive(self, messages, *, timeout=None):  # type: ignore[no-untyped-def]
        return [self.app(message, CONTEXT) for message in self._addressed(messages)]


def orders() -> list[Message]:
    arrays = {
        "count": Array(np.array(7)),
        "weight": Array(np.linspace(-1, 1, 60).reshape(6, 10)),
        "bias": Array(np.ones(6, np.float16)),
        "kept": Array(np.ones((6, 10), np.bool_)),
    }
    content = RecordDict({"arrays": ArrayRecord(arrays), "config": ConfigRecord({"server-round": 3})})
    return [Message(content, node_of(client), "train") for client in range(3)]


def back(message: Message, context: Context) -> Message:
    """An app that sends back what it was sent."""
    return Message(RecordDict({"arrays": message.content["arrays"]}), reply_to=message)


def through(mod: BytesMod | None) -> ClientAppCallable:
    return back if mod is None else lambda message, context: mod(message, context, back)


def test_arrays_come_back_decoded_in_the_orders_dtypes_and_order() -> None:
    grid = BytesGrid(Local(through(BytesMod(CODEC))), CODEC)
    for reply, order in zip(grid.send_and_receive(orders()), orders(), strict=True):
        got, sent = reply.content.array_records["arrays"], order.content.array_records["arrays"]
        assert list(reply.content) == ["arrays"]
        assert [(name, array.dtype, array.shape) for name, array in got.items()] == [
            (name, array.dtype, array.shape) for name, array in sent.items()
        ]
        assert np.abs(got["weight"].numpy() - sent["weight"].numpy()).max() < 1 / 127
        for name in ("count", "bias", "kept"):
            assert np.array_equal(got[name].numpy(), sent[name].numpy())


def test_bools_are_mask_and_rounds_are_flowers() -> None:
    grid = BytesGrid(Local(through(None)))
    grid.send_and_receive(orders())
    parts = grid.account.by("round", "node", "way")
    assert set(parts) == {("3", node_of(client), way) for client in range(3) for way in ("down", "up")}
    down = parts["3", node_of(0), "down"]
    assert (down.values, down.mask, down.side) == (8 + 8 * 60 + 2 * 6, 60, 0)


def test_clients_without_the_mod_are_an_error_that_says_so() -> None:
    grid = BytesGrid(Local(through(None)), CODEC)
    with pytest.raises(UserError, match=r"record 'arrays' came uncoded: .*mods=\[BytesMod\(codec\)\]"):
        grid.send_and_receive(orders())


def test_another_codec_is_an_error() -> None:
    grid = BytesGrid(Local(through(BytesMod(Codec(values="fp16")))), CODEC)
    with pytest.raises(UserError, match="do clients and server have the same codec"):
        grid.send_and_receive(orders())


def test_one_faulty_client_fails_alone_and_its_bytes_count() -> None:
    mod = BytesMod(CODEC)

    def app(message: Message, context: Context) -> Message:
        reply = mod(message, context, back)
        if client_of(message.metadata.dst_node_id) == 1:
            reply.content["fedprune-coded"] = ConfigRecord({"arrays": b"no frame"})
        return reply

    grid = BytesGrid(Local(app), CODEC)
    replies = list(grid.send_and_receive(orders()))
    assert [reply.has_error() for reply in replies] == [False, True, False]
    assert replies[1].error.code == RAISED
    assert "frame" in str(replies[1].error.reason)
    faulty = grid.account.by("node", "way")[node_of(1), "up"]
    assert (faulty.values, faulty.mask) == (8, 60)  # what travels uncoded beside the blob


def test_a_client_that_raised_sent_bytes_too() -> None:
    grid = BytesGrid(Local(lambda message, context: error_reply(message, RAISED, "no disk")), CODEC)
    assert all(reply.has_error() for reply in grid.send_and_receive(orders()))
    up = grid.account.by("way")[("up",)]
    assert up == Bytes(overhead=up.total)
    assert up.total > 0


def test_a_reply_without_an_array_of_its_order_is_refused_where_it_is_made() -> None:
    def fewer(message: Message, context: Context) -> Message:
        arrays = message.content.array_records["arrays"]
        del arrays["weight"]
        return Message(RecordDict({"arrays": arrays}), reply_to=message)

    with pytest.raises(UserError, match=r"'weight' is missing, its order had it in shape \(6, 10\)"):
        BytesMod(CODEC)(orders()[0], CONTEXT, fewer)


def test_messages_that_are_pushed_and_pulled_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    with open_grid(InProcess(), client_app="coded_app:app", nodes=3) as inner:
        grid = BytesGrid(inner, CODEC)
        ids = list(grid.push_messages(orders()))
        replies = list(grid.pull_messages(ids))
    assert len(replies) == 3
    assert not any(reply.has_error() for reply in replies)
    assert len(grid.account.messages) == 6
