"""Values in bfloat16: the range of single precision, rounded to 8 significant bits.

A value's two bytes travel in two runs, exponents and the rest, for the exponents of one layer are much alike
and an entropy coder makes about 3 bits of their 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._bytes import byte_alphabets, join_bytes, split_bytes
from fedprune.wire.quantizers._numbers import require_length

_MAGNITUDE = 0x7FFF
_INFINITY = 0x7F80
"""Bits of a bfloat16: all but the sign, and infinity, from which on none is finite."""


@dataclass(frozen=True)
class BF16:
    """Rounding to the nearest bfloat16, ties to even.

    What would round to infinity becomes the largest finite one.
    """

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """Two runs of bytes for each slot: exponents, then signs and mantissas."""
        return byte_alphabets(slots, 2)

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """There is no side information."""
        return 0

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The bytes of the bfloat16 numbers nearest to ``values``."""
        return Quantized([run for value in values for run in split_bytes(_rounded(value))])

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The bfloat16 numbers as float32; CodecError for NaN, an infinity, or any side information."""
        require_length(quantized.side, 0)
        return [_widened(quantized.symbols[i : i + 2]) for i in range(0, 2 * len(slots), 2)]


def _rounded(values: Values) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    bits = np.ascontiguousarray(values).view(np.uint32)
    # Half of the last place that stays, less one when that place is even: the carry rounds ties to even.
    halves = ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)
    halves[halves & _MAGNITUDE == _INFINITY] -= 1
    return halves


def _widened(runs: Sequence[Symbols]) -> Values:
    halves = join_bytes(runs, np.uint16)
    if halves.size and int((halves & _MAGNITUDE).max()) >= _INFINITY:
        raise CodecError("values: NaN or inf in bfloat16")
    return (halves.astype(np.uint32) << 16).view(np.float32)
