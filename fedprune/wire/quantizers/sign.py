"""Sign: one bit a value, and for each layer the mean magnitude as its scale.

Jeremy Bernstein, Yu-Xiang Wang, Kamyar Azizzadenesheli, Anima Anandkumar, "signSGD: Compressed Optimisation
for Non-Convex Problems", ICML 2018, https://arxiv.org/abs/1802.04434; with the scale of Sai Praneeth
Karimireddy, Quentin Rebjock, Sebastian U. Stich, Martin Jaggi, "Error Feedback Fixes SignSGD and other
Gradient Compression Schemes", ICML 2019, https://arxiv.org/abs/1901.09847

Departures: none; zero counts as positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values
from fedprune.wire.quantizers._numbers import look_up, pack_floats, total, unpack_scales


@dataclass(frozen=True)
class Sign:
    """Two levels, minus and plus the mean magnitude, the scale of the least squared error. Biased."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of symbols for each slot."""
        return [Alphabet(slot.size, 2) for slot in slots]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Four bytes, a scale, for each slot."""
        return 4 * len(slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """1 for zero and above, 0 below."""
        scales = [total(np.abs(value)) / max(1, value.size) for value in values]
        return Quantized([(value >= 0).view(np.uint8) for value in values], pack_floats(scales))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The levels; CodecError for a scale that is negative, NaN or infinite."""
        scales = unpack_scales(quantized.side, len(slots))
        return [
            look_up(symbols, np.array([-scale, scale], np.float32))
            for symbols, scale in zip(quantized.symbols, scales, strict=True)
        ]
