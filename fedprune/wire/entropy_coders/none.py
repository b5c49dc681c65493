"""Symbols packed at a fixed number of bits, without any model of which are frequent.

A symbol takes as many bits as its alphabet needs, low bits first; of three levels five fit into a byte, as a
number in base 3. Each run begins at a whole byte, and what is left of its last byte is zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Symbols

Bytes = NDArray[np.uint8]

_CHUNK = 1 << 16
"""Symbols that are spread into bits at a time: whole bytes at any number of bits, and little memory."""


def encode(runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> bytes:
    """Pack the runs of symbols, one after the other."""
    packed = [
        _packed(run, alphabet.levels) for run, alphabet in zip(runs, alphabets, strict=True) if run.size
    ]
    return b"".join(piece.data for piece in packed)


def decode(data: bytes | memoryview, alphabets: Sequence[Alphabet]) -> list[Symbols]:
    """Unpack the runs of symbols as uint8 or uint16, views into ``data`` where symbols are bytes.

    Raises CodecError for any length but the one that the alphabets call for, before anything is allocated,
    for symbols out of range, and for bits set behind the last symbol.
    """
    sizes = [_size(alphabet) for alphabet in alphabets]
    if len(data) != sum(sizes):
        raise CodecError(f"values: {len(data)} bytes, {sum(sizes)} are expected")
    everything: Bytes = np.frombuffer(data, np.uint8)
    runs, start = [], 0
    for alphabet, size in zip(alphabets, sizes, strict=True):
        run = _unpacked(everything[start : start + size], alphabet)
        if alphabet.levels & (alphabet.levels - 1) and run.size and int(run.max()) >= alphabet.levels:
            raise CodecError(f"values: a symbol of {alphabet.levels} levels is {run.max()}")
        runs.append(run)
        start += size
    return runs


def _bits(levels: int) -> int:
    return (levels - 1).bit_length()


def _size(alphabet: Alphabet) -> int:
    """The bytes that a packed run takes."""
    if alphabet.levels == 3:
        return -(-alphabet.count // 5)
    return -(-alphabet.count * _bits(alphabet.levels) // 8)


def _packed(run: Symbols, levels: int) -> Bytes:
    if levels == 3:
        return _joined(run, 5, [1, 3, 9, 27, 81])
    bits = _bits(levels)
    if bits == 8:
        return np.ascontiguousarray(run, np.uint8)
    if bits in (2, 4):
        return _joined(run, 8 // bits, [1 << shift for shift in range(0, 8, bits)])
    chunks = [
        np.packbits(_as_bits(run[start : start + _CHUNK], bits), bitorder="little")
        for start in range(0, run.size, _CHUNK)
    ]
    return np.concatenate(chunks)


def _unpacked(packed: Bytes, alphabet: Alphabet) -> Symbols:
    count, bits = alphabet.count, _bits(alphabet.levels)
    if alphabet.levels == 3:
        if packed.size and int(packed.max()) >= 3**5:
            raise CodecError(f"values: five symbols of three levels make {packed.max()}")
        return _cut([packed // np.uint8(3**place) % np.uint8(3) for place in range(5)], count)
    if bits == 8:
        return packed
    if bits in (2, 4):
        low = np.uint8((1 << bits) - 1)
        return _cut([packed >> np.uint8(shift) & low for shift in range(0, 8, bits)], count)
    run: Symbols = np.empty(count, np.uint8 if bits < 8 else np.uint16)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        run[start:stop] = _from_bits(packed[start * bits // 8 : -(-stop * bits // 8)], stop - start, bits)
    return run


def _joined(run: Symbols, per_byte: int, weights: Sequence[int]) -> Bytes:
    """``per_byte`` symbols in each byte, the first with the least weight."""
    padded = np.zeros(-(-run.size // per_byte) * per_byte, np.uint8)
    padded[: run.size] = run
    joined = padded[0::per_byte].copy()
    for place in range(1, per_byte):
        joined += padded[place::per_byte] * np.uint8(weights[place])
    return joined


def _cut(places: Sequence[Bytes], count: int) -> Bytes:
    """The symbols of all bytes, given by their place in a byte; CodecError when those too many are not 0."""
    run = np.stack(places, axis=1).reshape(-1)
    if run[count:].any():
        raise CodecError("values: bits are set beyond the last symbol")
    return run[:count]


def _as_bits(run: Symbols, bits: int) -> Bytes:
    """Each symbol's bits, low ones first, in one run."""
    if bits == 1:
        return run.astype(np.uint8, copy=False)
    words = run.astype("<u2").view(np.uint8).reshape(-1, 2)
    return np.unpackbits(words, axis=1, bitorder="little")[:, :bits].reshape(-1)


def _from_bits(packed: Bytes, count: int, bits: int) -> Symbols:
    spread = np.unpackbits(packed, bitorder="little")
    if spread[count * bits :].any():
        raise CodecError("values: bits are set beyond the last symbol")
    rows = spread[: count * bits].reshape(count, bits)
    joined = np.packbits(rows, axis=1, bitorder="little")
    if bits <= 8:
        narrow: Bytes = joined[:, 0]
        return narrow
    wide: NDArray[np.uint16] = joined[:, 1].astype(np.uint16) << np.uint16(8)
    return wide | joined[:, 0]
