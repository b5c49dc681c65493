"""Ternary: each value is -a, 0 or a, at 1.58 bits or less.

Wei Wen, Cong Xu, Feng Yan, Chunpeng Wu, Yandan Wang, Yiran Chen, Hai Li, "TernGrad: Ternary Gradients to
Reduce Communication in Distributed Deep Learning", NIPS 2017, https://arxiv.org/abs/1705.07878

Departures: gradients are not clipped before, which would make the rounding biased; the nearest form is not
the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._numbers import look_up, normalized, pack_floats, running_sums, unpack_scales


@dataclass(frozen=True)
class Ternary:
    """Three levels and one scale, a, for each layer."""

    rounding: Literal["stochastic", "nearest"] = "stochastic"
    """``stochastic``: a is the largest magnitude, a value v becomes a with its sign with probability |v| / a
    and zero otherwise, so that the mean is v (TernGrad). ``nearest``: the a with the least squared error,
    each value to the nearest of the three."""

    def __post_init__(self) -> None:
        if self.rounding not in ("stochastic", "nearest"):
            raise ValueError(f"rounding: must be 'stochastic' or 'nearest', got {self.rounding!r}")

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of symbols for each slot."""
        return [Alphabet(slot.size, 3) for slot in slots]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Four bytes, a scale, for each slot."""
        return 4 * len(slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """0, 1 and 2 for -a, 0 and a."""
        rng = noise()
        symbols: list[Symbols] = []
        scales = []
        for value in values:
            size, top = normalized(np.abs(value))
            if self.rounding == "stochastic":
                chosen = rng.random(value.size, dtype=np.float32) < size
                scales.append(top)
            else:
                best = _best_scale(size)
                chosen = size > best / 2
                scales.append(best * top)
            symbols.append(_signed(value, chosen))
        return Quantized(symbols, pack_floats(scales))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The levels; CodecError for a scale that is negative, NaN or infinite."""
        scales = unpack_scales(quantized.side, len(slots))
        return [
            look_up(symbols, np.array([-scale, 0.0, scale], np.float32))
            for symbols, scale in zip(quantized.symbols, scales, strict=True)
        ]


def _signed(values: Values, chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    symbols = np.ones(values.size, np.uint8)
    symbols += chosen & (values > 0)
    symbols -= chosen & (values < 0)
    return symbols


def _best_scale(size: Values) -> float:
    """The a of the least squared error for magnitudes in [0, 1].

    When the k largest become a, the best a is their mean, m, and the error falls by k m^2: the best k is
    found by trying them all. At that k every magnitude kept is at least m / 2, every other at most.
    """
    most, scale = -1.0, 0.0
    for part, sums in running_sums(np.sort(size)[::-1]):
        counts = np.arange(part.start, part.stop) + 1
        gains = np.square(sums) / counts
        best = int(np.argmax(gains))
        if gains[best] > most:
            most, scale = float(gains[best]), float(sums[best] / counts[best])
    return scale
