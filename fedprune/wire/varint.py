"""Unsigned integers as 1 to 9 bytes, seven bits a byte, low bits first (LEB128)."""

from __future__ import annotations

from fedprune.wire.errors import CodecError

_MOST_BYTES = 9


def encode_varint(value: int) -> bytes:
    """``value`` in [0, 2**63) as bytes: 1 byte below 128, 2 below 16,384, 3 below 2,097,152."""
    if not 0 <= value < 1 << 63:
        raise ValueError(f"a varint holds 0 to 2**63 - 1, not {value}")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: bytes | memoryview, start: int) -> tuple[int, int]:
    """The integer at ``start`` and where the next thing begins; CodecError when it is cut short or padded."""
    value = 0
    for place, byte in enumerate(data[start : start + _MOST_BYTES]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if byte == 0 and place:
                raise CodecError("a varint is padded with zeros")
            return value, start + place + 1
    raise CodecError("a varint is cut short or longer than 9 bytes")
