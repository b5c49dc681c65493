"""Numbers as runs of bytes, the high bytes of all of them first, for an entropy coder to work on.

The sign is moved to the end, so that the first run holds the exponent and what bits of the mantissa fit
beside it. Exponents of one layer are much alike; an entropy coder finds next to nothing in the other runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.chunks import chunks
from fedprune.wire.quantizers import Alphabet, Slot, Symbols

Bits = TypeVar("Bits", np.uint16, np.uint32)


def byte_alphabets(slots: Sequence[Slot], width: int) -> list[Alphabet]:
    """The alphabets of numbers of ``width`` bytes: for each slot a run of 256 levels a byte."""
    return [Alphabet(slot.size, 256) for slot in slots for _ in range(width)]


def split_bytes(bits: NDArray[Bits]) -> list[Symbols]:
    """Part floats, given as their ``bits``, into as many runs of symbols as a number has bytes."""
    width = bits.itemsize
    runs = np.empty((width, bits.size), np.uint8)
    for part in chunks(bits.size):
        turned = bits[part] << 1 | bits[part] >> 8 * width - 1
        for run in runs[::-1]:
            run[part] = turned.astype(np.uint8)
            turned >>= 8
    return list[Symbols](runs)


def join_bytes(runs: Sequence[Symbols], kind: type[Bits]) -> NDArray[Bits]:
    """The bits that ``split_bytes`` was given, a new array."""
    bits = np.zeros(runs[0].size, kind)
    for part in chunks(bits.size):
        turned = bits[part]
        for run in runs:
            turned <<= 8
            # Of one type, which numpy does six times faster than of two.
            turned |= run[part].astype(kind)
        signs = turned << 8 * len(runs) - 1
        turned >>= 1
        turned |= signs
    return bits
