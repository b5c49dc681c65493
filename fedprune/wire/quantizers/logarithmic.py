"""Logarithmic levels: a sign and a magnitude in geometric steps below the layer's largest, or zero.

Daisuke Miyashita, Edward H. Lee, Boris Murmann, "Convolutional Neural Networks using Logarithmic Data
Representation", 2016, https://arxiv.org/abs/1603.01025

Departures: steps need not be powers of two or of its root; a value goes to the level that is nearest to it,
not to its logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.types import Array
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._numbers import look_up, nearest, normalized, pack_floats, unpack_scales


@dataclass(frozen=True)
class Logarithmic:
    """2^bits - 1 levels, symmetric about zero, which is one of them."""

    bits: int = 4
    """Bits of a symbol before entropy coding, 2 to 8."""
    octaves: float = 6.0
    """How often the smallest magnitude doubles on the way to the largest. The default makes 4 bits powers of
    two."""

    def __post_init__(self) -> None:
        if self.bits not in range(2, 9):
            raise ValueError(f"bits: must be 2 to 8, got {self.bits}")
        if not 0 < self.octaves <= 100:
            raise ValueError(f"octaves: must lie in (0, 100], got {self.octaves}")

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of symbols for each slot."""
        return [Alphabet(slot.size, (1 << self.bits) - 1) for slot in slots]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Four bytes, a scale, for each slot."""
        return 4 * len(slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The places of the nearest levels, from the most negative up."""
        levels = self._levels()
        symbols: list[Symbols] = []
        tops = []
        for value in values:
            unit, top = normalized(value)
            symbols.append(nearest(unit, levels))
            tops.append(top)
        return Quantized(symbols, pack_floats(tops))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The levels; CodecError for a scale that is negative, NaN or infinite."""
        levels = self._levels()
        tops = unpack_scales(quantized.side, len(slots))
        return [
            look_up(symbols, levels * np.float32(top))
            for symbols, top in zip(quantized.symbols, tops, strict=True)
        ]

    def _levels(self) -> Array:
        """The levels of a layer whose largest magnitude is one."""
        count = (1 << (self.bits - 1)) - 1
        exponents = -self.octaves * np.arange(count) / max(1, count - 1)
        mantissas, powers = np.frexp(np.exp2(exponents))
        # 16 bits are kept, so that mathematics libraries that differ in the last of 53 give the same levels.
        magnitudes = np.ldexp(np.round(mantissas * 65536) / 65536, powers)
        return np.concatenate([-magnitudes, [0.0], magnitudes[::-1]]).astype(np.float32)
