"""Rows of small integers as bytes: differences from one to the next, in Rice's code.

Layout: the code's parameter, 1 byte | length of the unary part, a varint | all quotients in unary (as many
ones, then a zero) | all remainders, ``parameter`` bits each, low ones first. Both parts are packed low bits
first and end in zeros (Rice, Plaunt; IEEE Transactions on Communications, 1971).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.errors import CodecError
from fedprune.wire.varint import decode_varint, encode_varint

Integers = NDArray[np.int64]

_MOST_BITS = 32
"""Bits of a remainder, and of a quotient on average: no row of ours comes near."""


def encode_row(row: Integers) -> bytes:
    """Integers in [0, 2**31), at least one."""
    folded = _folded(row)
    parameter = _parameter(folded)
    quotients = folded >> parameter
    unary = np.ones(int(quotients.sum()) + quotients.size, np.uint8)
    unary[np.cumsum(quotients + 1) - 1] = 0
    remainders = folded[:, None] >> np.arange(parameter) & 1
    packed = np.packbits(unary, bitorder="little").tobytes()
    rest = np.packbits(remainders.astype(np.uint8).reshape(-1), bitorder="little").tobytes()
    return bytes([parameter]) + encode_varint(len(packed)) + packed + rest


def decode_row(data: memoryview, start: int, count: int, most: int) -> tuple[Integers, int]:
    """``count`` integers, at least one, each in [0, most], and where the next thing begins.

    Raises CodecError for bytes that are no such row. Allocates a few times 32 bytes for each integer at most.
    """
    if start >= len(data) or data[start] > _MOST_BITS:
        raise CodecError("values: a histogram has no Rice parameter")
    parameter = data[start]
    length, start = decode_varint(data, start + 1)
    middle, end = start + length, start + length + -(-count * parameter // 8)
    if length > count * _MOST_BITS // 8 + 1 or end > len(data):
        raise CodecError("values: a histogram is cut short")
    quotients = _quotients(data[start:middle], count)
    bits = np.unpackbits(np.frombuffer(data[middle:end], np.uint8), bitorder="little")
    if bits[count * parameter :].any():
        raise CodecError("values: bits are set behind a histogram")
    remainders = bits[: count * parameter].reshape(count, parameter) @ (1 << np.arange(parameter))
    folded = (quotients << parameter) + remainders.astype(np.int64)
    row: Integers = np.cumsum(folded >> 1 ^ -(folded & 1))
    if row.min() < 0 or row.max() > most:
        raise CodecError(f"values: an entry of a histogram is beyond {most}")
    return row, end


def row_bits(row: Integers) -> int:
    """An estimate of the bits that coding ``row`` takes."""
    folded = _folded(row)
    parameter = _parameter(folded)
    return int((folded >> parameter).sum()) + folded.size * (1 + parameter) + 16


def _folded(row: Integers) -> Integers:
    """Differences, from 0 on, as 0, -1, 1, -2 ... -> 0, 1, 2, 3 ..."""
    steps = row.copy()
    steps[1:] -= row[:-1]
    folded: Integers = steps << 1 ^ steps >> 63
    return folded


def _parameter(folded: Integers) -> int:
    """The parameter with the fewest bits: each one more costs a bit an integer, and halves the quotients."""
    parameter, quotients = 0, folded
    while (total := int(quotients.sum())) > folded.size and parameter < _MOST_BITS:
        halved = quotients >> 1
        if total - int(halved.sum()) <= folded.size:
            break
        parameter, quotients = parameter + 1, halved
    return parameter


def _quotients(packed: memoryview, count: int) -> Integers:
    unary = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    ends = np.flatnonzero(unary == 0)[:count]
    if ends.size < count or (int(ends[-1]) + 8) // 8 != len(packed) or unary[ends[-1] :].any():
        raise CodecError("values: a histogram's unary part does not fit its length")
    quotients: Integers = np.diff(ends, prepend=-1) - 1
    return quotients
