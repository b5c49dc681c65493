import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.errors import CodecError
from fedprune.wire.varint import decode_varint, encode_varint


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 2**63 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_decode_inverts_encode_anywhere_in_the_bytes(value: int, before: bytes, after: bytes) -> None:
    coded = encode_varint(value)
    assert decode_varint(before + coded + after, len(before)) == (value, len(before) + len(coded))


@pytest.mark.parametrize(
    ("value", "length"), [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (2**63 - 1, 9)]
)
def test_small_numbers_take_few_bytes(value: int, length: int) -> None:
    assert len(encode_varint(value)) == length


@pytest.mark.parametrize("value", [-1, 2**63])
def test_what_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="a varint holds"):
        encode_varint(value)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\xff" * 20, b"\x80\x00"])
def test_cut_endless_and_padded_varints_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode_varint(data, 0)
