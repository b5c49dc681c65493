import pytest

from fedprune.wire.account import Bytes, measure


def test_every_byte_of_a_message_is_accounted_for_once() -> None:
    parts = {"head": b"h" * 20, "mask": b"m" * 7, "values": b"v" * 100, "dense": b"d" * 10, "side": b"s" * 3}
    assert measure(parts, 200) == Bytes(values=110, mask=7, side=3, overhead=80)
    assert measure(parts, 200).total == 200


def test_views_count_like_bytes() -> None:
    assert measure({"values": memoryview(b"12345678")}, 10) == Bytes(values=8, overhead=2)


def test_an_empty_message_is_all_overhead() -> None:
    assert measure({}, 12) == Bytes(overhead=12)


def test_messages_add_up_column_by_column() -> None:
    assert sum([Bytes(1, 2, 3, 4), Bytes(10, 20, 30, 40)], Bytes()) == Bytes(11, 22, 33, 44)


def test_a_transport_cannot_carry_fewer_bytes_than_the_parts_have() -> None:
    with pytest.raises(ValueError, match="fewer than the parts"):
        measure({"values": b"1234"}, 3)
