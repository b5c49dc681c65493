"""What messages have in common is stored once, and each message is put together again as it was."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from fedprune.engines.common_part import WORTH_BYTES, CommonPart, Parcel, joined


def whole(parcel: Parcel) -> bytes:
    return joined(parcel.own, parcel.common)


def test_the_end_that_all_messages_share_is_stored_once() -> None:
    stored: list[bytes] = []

    def put(message: bytes) -> bytes:
        stored.append(message)
        return message

    common, weights = CommonPart(put), os.urandom(4 * WORTH_BYTES)
    for client in range(5):
        message = b"to client %d" % client * (client + 1) + weights
        parcel = common.parcel(message)
        assert whole(parcel) == message
        assert len(parcel.own) < 100 or client == 0
    assert len(stored) == 1


def test_messages_that_share_little_travel_whole_and_are_never_stored() -> None:
    common = CommonPart(lambda message: 1 / 0)
    messages = [os.urandom(2 * WORTH_BYTES) for _ in range(3)]
    assert [whole(common.parcel(message)) for message in messages] == messages


def test_short_messages_are_never_stored() -> None:
    common = CommonPart(lambda message: 1 / 0)
    assert whole(common.parcel(b"short")) == whole(common.parcel(b"short")) == b"short"


@given(st.lists(st.tuples(st.binary(max_size=8), st.integers(0, 3), st.integers(0, 9)), max_size=8))
def test_any_messages_are_put_together_as_they_were(drawn: list[tuple[bytes, int, int]]) -> None:
    blocks = [bytes([number]) * (WORTH_BYTES + number) for number in range(4)]
    common = CommonPart(lambda message: message)
    for own, block, cut_off in drawn:
        message = own + blocks[block][cut_off:] + blocks[0]
        assert whole(common.parcel(message)) == message
