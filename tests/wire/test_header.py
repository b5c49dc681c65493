import json
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.errors import CodecError
from fedprune.wire.header import decode_head, encode_head

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def deflated(plain: bytes) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b"z" + deflater.compress(plain) + deflater.flush()


@settings(derandomize=True, deadline=None)
@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=6))
def test_decode_inverts_encode(head: dict[str, Any]) -> None:
    assert decode_head(encode_head(head), 100_000) == head


def test_a_head_does_not_depend_on_the_order_of_keys() -> None:
    assert encode_head({"a": 1, "b": 2}) == encode_head({"b": 2, "a": 1}) == b'{"a":1,"b":2}'


def test_a_long_head_is_deflated() -> None:
    head = {f"accuracy of client {client}": 0.5 for client in range(50)}
    assert len(encode_head(head)) < len(json.dumps(head)) / 3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_not_sent(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_head({"loss": value})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"z",
        b"[1]",
        b"3",
        b"null",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":1}{"b":2}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 9000,
        b'{"a":"\xff"}',
        deflated(b'{"a":NaN}'),
        deflated(b'{"a":1}')[:-1],
        deflated(b'{"a":1}') + b"more",
        zlib.compress(b'{"a":1}'),
    ],
)
def test_malformed_heads_raise_only_codec_errors(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode_head(data, 10_000)


def test_mutated_heads_raise_only_codec_errors() -> None:
    rng = np.random.default_rng(2)
    for head in (b'{"loss":0.25,"samples":500,"ok":true}', deflated(b'{"loss":0.25,"samples":500}' * 3)):
        for _ in range(1500):
            mutated = bytearray(head[: rng.integers(1, len(head) + 1)])
            mutated[rng.integers(len(mutated))] = rng.integers(256)
            try:
                assert isinstance(decode_head(bytes(mutated), 1000), dict)
            except CodecError:
                continue


@pytest.mark.parametrize("plain", [b"{" + b" " * 50_000_000 + b"}", b" " * 50_000_000])
def test_a_deflate_bomb_is_refused_within_the_limit(plain: bytes) -> None:
    bomb = deflated(plain)
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(CodecError, match="more than 65536 bytes"):
        decode_head(bomb, 65_536)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_the_limit_holds_for_plain_json_too() -> None:
    data = encode_head({"a": 1})
    assert decode_head(data, len(data)) == {"a": 1}
    with pytest.raises(CodecError, match="more than"):
        decode_head(data, len(data) - 1)
