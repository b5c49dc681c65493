"""The head of a message: a small JSON object, deflated when that is smaller.

The first byte tells the two forms apart: ``{`` begins plain JSON, ``z`` precedes a raw deflate stream.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import Any, NoReturn

from fedprune.wire.errors import CodecError

_DEFLATED = b"z"


def encode_head(head: dict[str, Any]) -> bytes:
    """``head`` as compact JSON with sorted keys, deflated when that is smaller; ValueError for NaN, inf."""
    text = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    plain = text.encode("utf-8")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = _DEFLATED + deflater.compress(plain) + deflater.flush()
    return min(plain, deflated, key=len)


def decode_head(data: bytes | memoryview, limit: int) -> dict[str, Any]:
    """The object that ``encode_head`` was given; ``limit`` is the most bytes that its JSON may have.

    Raises CodecError for anything that is not one JSON object of finite numbers within the limit.
    """
    if len(data) > limit:
        # Deflated only when that is smaller: whatever is longer is not worth a copy.
        raise CodecError(f"head: more than {limit} bytes")
    plain = _inflate(bytes(data[1:]), limit) if data[:1] == _DEFLATED else bytes(data)
    if len(plain) > limit:
        raise CodecError(f"head: more than {limit} bytes of JSON")
    try:
        head = json.loads(plain.decode("utf-8"), parse_float=_finite, parse_constant=_reject_constant)
    except CodecError:
        raise
    except (ValueError, RecursionError) as error:
        raise CodecError(f"head: not JSON: {error}") from None
    if not isinstance(head, dict):
        raise CodecError(f"head: a JSON object is expected, not a {type(head).__name__}")
    return head


def _inflate(data: bytes, limit: int) -> bytes:
    """At most ``limit + 1`` bytes, so that a stream that swells costs no memory."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise CodecError(f"head: {error}") from None
    if len(plain) <= limit and (not inflater.eof or inflater.unused_data):
        raise CodecError("head: the deflate stream is cut short or followed by more bytes")
    return plain


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise CodecError(f"head: the number {text} is not finite in double precision")
    return number


def _reject_constant(name: str) -> NoReturn:
    raise CodecError(f"head: {name} is no JSON number")
