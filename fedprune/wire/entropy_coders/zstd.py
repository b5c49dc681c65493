"""Zstandard (RFC 8878) over whole bytes: several symbols in each where they fit, two planes beyond 256.

As many symbols as fit make one byte, as digits of a number: the compressor's Huffman code has no fractions of
a bit, and is close to the entropy only of bytes that hold several symbols of a small alphabet. One frame
without magic, sizes and checksum; its two bytes of header are always the same and do not travel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import zstandard
from numpy.typing import NDArray

from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Symbols

Bytes = NDArray[np.uint8]

_WINDOW_LOG = 17
"""Matches reach back 128 KiB: among quantized values there are none worth more, and a decoder buffers it."""
_HEADER = bytes([0, _WINDOW_LOG - 10 << 3])
"""No content size, no checksum, no dictionary; the window."""
_SETTINGS = zstandard.ZstdCompressionParameters.from_level(
    1,
    format=zstandard.FORMAT_ZSTD1_MAGICLESS,
    window_log=_WINDOW_LOG,
    write_content_size=False,
    write_checksum=False,
)
_ONE_BYTE_REPEATED = 1


def encode(runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> bytes:
    """All planes, one after the other, as the blocks of one frame; nothing for no symbols."""
    if not any(alphabet.count for alphabet in alphabets):
        return b""
    compressor = zstandard.ZstdCompressor(compression_params=_SETTINGS).compressobj()
    pieces = [
        compressor.compress(plane.data)
        for run, alphabet in zip(runs, alphabets, strict=True)
        for plane in _planes(run, alphabet.levels)
    ]
    pieces.append(compressor.flush())
    return b"".join(pieces)[len(_HEADER) :]


def decode(data: bytes | memoryview, alphabets: Sequence[Alphabet]) -> list[Symbols]:
    """Decode the runs of symbols, as uint8 or uint16.

    Raises CodecError for bytes that are no whole frame, that hold more or fewer symbols than the alphabets
    say, or symbols out of range. Takes the symbols' bytes and the window, whatever the frame claims.
    """
    sizes = [_size(alphabet) for alphabet in alphabets]
    planes, start = _decompress(data, sum(sizes)), 0
    runs = []
    for alphabet, size in zip(alphabets, sizes, strict=True):
        runs.append(_run(planes[start : start + size], alphabet))
        start += size
    return runs


def _per_byte(levels: int) -> int:
    """The most symbols that fit into a byte; 0 when none does."""
    return next(number for number in range(8, -1, -1) if levels**number <= 256)


def _size(alphabet: Alphabet) -> int:
    """The bytes that a run of symbols takes before compression."""
    number = _per_byte(alphabet.levels)
    return -(-alphabet.count // number) if number else 2 * alphabet.count


def _planes(run: Symbols, levels: int) -> list[Bytes]:
    number = _per_byte(levels)
    if number == 0:
        return [(run & 0xFF).astype(np.uint8), (run >> 8).astype(np.uint8)]
    plane = run[number - 1 :: number].astype(np.uint8)
    plane = np.concatenate([plane, np.zeros(-(-run.size // number) - plane.size, np.uint8)])
    for place in range(number - 2, -1, -1):
        digits = run[place::number].astype(np.uint8)
        plane *= np.uint8(levels)
        plane[: digits.size] += digits
    return [plane]


def _run(planes: Bytes, alphabet: Alphabet) -> Symbols:
    """The symbols in the bytes of one run; CodecError for any out of range, or beyond the last."""
    levels, number, count = alphabet.levels, _per_byte(alphabet.levels), alphabet.count
    run: Symbols
    if number == 0:
        run = planes[:count] | planes[count:].astype(np.uint16) << np.uint16(8)
    elif number == 1:
        run = planes
    else:
        rest = planes
        run = np.empty(planes.size * number, np.uint8)
        for place in range(number):
            run[place::number] = rest % np.uint8(levels)
            rest = rest // np.uint8(levels)
        if rest.any() or run[count:].any():
            raise CodecError(f"values: digits that are no symbols of {levels} levels")
    if count and int(run.max()) >= levels:
        raise CodecError(f"values: a symbol of {levels} levels is {run.max()}")
    return run[:count]


def _decompress(data: bytes | memoryview, size: int) -> Bytes:
    """Exactly ``size`` bytes: a reader that fills a buffer never makes more of them than fit in."""
    _check_blocks(memoryview(data), size)
    filled: Bytes = np.empty(size, np.uint8)
    if not size:
        return filled
    decompressor = zstandard.ZstdDecompressor(
        format=zstandard.FORMAT_ZSTD1_MAGICLESS, max_window_size=1 << _WINDOW_LOG
    )
    try:
        with decompressor.stream_reader(_HEADER + data) as reader:
            found = reader.readinto(filled.data)
            found += len(reader.read(1)) if found == size else 0
    except zstandard.ZstdError as error:
        raise CodecError(f"values: {error}") from None
    if found != size:
        raise CodecError(f"values: {'more' if found > size else 'fewer'} than {size} bytes in a frame")
    return filled


def _check_blocks(data: memoryview, size: int) -> None:
    """CodecError unless the last block ends where the bytes do: a reader does not tell."""
    # No compressor makes more than this of so many bytes; empty blocks without end would take their time.
    if len(data) > size + (size >> 8) + 64:
        raise CodecError(f"values: {len(data)} bytes, more than {size} bytes ever take")
    position, last = 0, size == 0
    while not last:
        if position + 3 > len(data):
            raise CodecError("values: a frame is cut short")
        block = int.from_bytes(data[position : position + 3], "little")
        last = bool(block & 1)
        position += 3 + (1 if block >> 1 & 3 == _ONE_BYTE_REPEATED else block >> 3)
    if position != len(data):
        raise CodecError(f"values: a frame of {position} bytes, {len(data)} are there")
