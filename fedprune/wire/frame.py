"""The frame: named parts of a message as one blob, with a checksum over all of it.

Layout: ``FPRN`` | version, 1 byte | number of parts, 1 byte | crc32 of everything else, 4 bytes little-endian
| for each part: length of its name, 1 byte; its name; its length as a varint | the parts, one after the
other. A frame costs 10 bytes plus 2 to 5 bytes and the name for each part.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping

from fedprune.wire.errors import CodecError
from fedprune.wire.varint import decode_varint, encode_varint

__all__ = ["CodecError", "pack", "unpack"]

MAGIC = b"FPRN"
VERSION = 1
_FIXED = struct.Struct("<4sBBI")


def pack(parts: Mapping[str, bytes]) -> bytes:
    """One blob of all ``parts``, in their order.

    Raises ValueError for more than 255 parts, or a name that is empty or longer than 255 bytes.
    """
    if len(parts) > 255:
        raise ValueError(f"a frame holds at most 255 parts, not {len(parts)}")
    table = bytearray()
    for name, part in parts.items():
        label = name.encode("utf-8")
        if not 0 < len(label) < 256:
            raise ValueError(f"the name of a part has 1 to 255 bytes, not {len(label)}")
        table += bytes([len(label)]) + label + encode_varint(len(part))
    checksum = _checksum(len(parts), [table, *parts.values()])
    return b"".join([_FIXED.pack(MAGIC, VERSION, len(parts), checksum), table, *parts.values()])


def unpack(blob: bytes, known: Collection[str], limit: int) -> dict[str, memoryview]:
    """Part name -> read-only view into ``blob``; nothing is copied.

    Only parts named in ``known`` are accepted; ``limit`` is the most bytes that a whole blob may have.

    Raises CodecError for a blob over the limit, one that is no frame of this version, a wrong checksum,
    unknown or repeated parts, and lengths that do not add up to the blob's own.
    """
    if len(blob) > limit:
        raise CodecError(f"frame: {len(blob)} bytes, at most {limit} are expected")
    if len(blob) < _FIXED.size:
        raise CodecError(f"frame: {len(blob)} bytes are too few")
    magic, version, count, checksum = _FIXED.unpack_from(blob)
    if magic != MAGIC or version != VERSION:
        raise CodecError(f"frame: not a frame of version {VERSION}")
    view = memoryview(blob).toreadonly()
    if checksum != _checksum(count, [view[_FIXED.size :]]):
        raise CodecError("frame: the checksum does not fit the bytes")
    lengths, position = _read_table(view, count, known)
    if position + sum(lengths.values()) != len(blob):
        raise CodecError(
            f"frame: parts declare {sum(lengths.values())} bytes, {len(blob) - position} are there"
        )
    parts = {}
    for name, length in lengths.items():
        parts[name] = view[position : position + length]
        position += length
    return parts


def _checksum(count: int, pieces: list[bytes | bytearray | memoryview]) -> int:
    checksum = zlib.crc32(MAGIC + bytes([VERSION, count]))
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    return checksum


def _read_table(view: memoryview, count: int, known: Collection[str]) -> tuple[dict[str, int], int]:
    """Part name -> declared length, and where the parts begin."""
    lengths: dict[str, int] = {}
    position = _FIXED.size
    for _ in range(count):
        if position >= len(view):
            raise CodecError("frame: the table of parts is cut short")
        end = position + 1 + view[position]
        name = _name(bytes(view[position + 1 : end]))
        if name not in known:
            raise CodecError(f"frame: unknown part {name!r}")
        if name in lengths:
            raise CodecError(f"frame: part {name!r} is there twice")
        lengths[name], position = decode_varint(view, end)
    return lengths, position


def _name(label: bytes) -> str:
    try:
        return label.decode("utf-8")
    except UnicodeDecodeError:
        raise CodecError("frame: the name of a part is not UTF-8") from None
