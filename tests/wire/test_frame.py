import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.errors import CodecError
from fedprune.wire.frame import pack, unpack
from fedprune.wire.varint import encode_varint

PARTS = {"head": b'{"round":3}', "mask": b"\x01\x02\x03", "values": bytes(range(200)), "dense": b""}
LIMIT = 10_000


def framed(count: int, table_and_parts: bytes, version: int = 1) -> bytes:
    """A frame with a right checksum, whatever the rest says."""
    fixed = b"FPRN" + bytes([version, count])
    checksum = zlib.crc32(table_and_parts, zlib.crc32(fixed))
    return fixed + struct.pack("<I", checksum) + table_and_parts


def entry(name: bytes, length: int) -> bytes:
    return bytes([len(name)]) + name + encode_varint(length)


@settings(derandomize=True, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=20), st.binary(max_size=300), max_size=6))
def test_unpack_inverts_pack(parts: dict[str, bytes]) -> None:
    blob = pack(parts)
    unpacked = unpack(blob, parts, len(blob))
    assert {name: bytes(part) for name, part in unpacked.items()} == parts


def test_parts_are_read_only_views() -> None:
    part = unpack(pack(PARTS), PARTS, LIMIT)["values"]
    assert part.readonly
    assert part.nbytes == 200


def test_a_frame_costs_a_few_bytes_a_part() -> None:
    names = sum(map(len, PARTS))
    assert len(pack(PARTS)) - sum(map(len, PARTS.values())) <= 10 + names + 3 * len(PARTS)


def test_every_flipped_bit_is_noticed() -> None:
    blob = pack(PARTS)
    for bit in range(8 * len(blob)):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CodecError):
            unpack(bytes(flipped), PARTS, LIMIT)


def test_every_truncation_and_any_extra_byte_is_noticed() -> None:
    blob = pack(PARTS)
    for data in [*(blob[:length] for length in range(len(blob))), blob + b"\0"]:
        with pytest.raises(CodecError):
            unpack(data, PARTS, LIMIT)


def test_random_tables_under_a_right_checksum_raise_only_codec_errors() -> None:
    rng = np.random.default_rng(1)
    body = pack(PARTS)[10:]
    for _ in range(3000):
        mutated = bytearray(body)
        for place in rng.integers(0, 40, rng.integers(1, 4)):
            mutated[place] = rng.integers(256)
        try:
            parts = unpack(framed(int(rng.integers(8)), bytes(mutated)), PARTS, LIMIT)
        except CodecError:
            continue
        assert sum(part.nbytes for part in parts.values()) < len(body)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (framed(1, entry(b"evil", 1) + b"x"), "unknown part 'evil'"),
        (framed(2, entry(b"mask", 1) + entry(b"mask", 1) + b"xy"), "twice"),
        (framed(1, entry(b"mask", 2) + b"x"), "declare 2 bytes, 1 are there"),
        (framed(1, entry(b"mask", 1) + b"xy"), "declare 1 bytes, 2 are there"),
        (framed(1, entry(b"mask", 2**62) + b"x"), "declare"),
        (framed(2, entry(b"mask", 0)), "cut short"),
        (framed(1, b"\x09mask"), "cut short"),
        (framed(1, b"\x04mask"), "cut short"),
        (framed(1, b"\x02\xff\xfe\x00"), "UTF-8"),
        (framed(0, b"", version=2), "version 1"),
        (b"PK\x03\x04" + bytes(20), "not a frame"),
        (b"FPRN", "too few"),
    ],
)
def test_malformed_frames_name_their_fault(blob: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        unpack(blob, PARTS, LIMIT)


def test_a_blob_over_the_limit_is_refused_unread() -> None:
    blob = pack({"values": bytes(1 << 20)})
    tracemalloc.start()
    with pytest.raises(CodecError, match="at most 1000 are expected"):
        unpack(blob, {"values"}, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("parts", [{"": b""}, {"x" * 256: b""}, {str(number): b"" for number in range(256)}])
def test_what_a_frame_cannot_name_is_not_packed(parts: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="255"):
        pack(parts)
