"""DRIVE: one bit a value, the signs of a randomly rotated vector and a scale.

Shay Vargaftik, Ran Ben-Basat, Amit Portnoy, Gal Mendelson, Yaniv Ben-Itzhak, Michael Mitzenmacher, "DRIVE:
One-bit Distributed Mean Estimation", NeurIPS 2021, https://arxiv.org/abs/2105.08339

Departures: the rotation is the structured one (randomized Hadamard) over blocks of at most 65,536 coordinates
of one layer, each with its own scale, not one over the whole vector: a layer's error is in proportion to that
layer's own values, nearly nothing is padded, and four bytes for each block are few. A scale of its own is
also what keeps each block unbiased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fedprune.types import Array
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values
from fedprune.wire.quantizers._numbers import look_up, normalized, pack_floats, scaled, total, unpack_scales
from fedprune.wire.quantizers._rotation import blocks, cut, joined, rotate, rotate_back

_OVERHEAD = 32.0
"""A scale, in coordinates of one bit."""


@dataclass(frozen=True)
class Drive:
    """Signs of the rotated values Rx of each block of d coordinates, and S, which scales them back."""

    scale: Literal["unbiased", "mse"] = "unbiased"
    """``unbiased``: S = |x|_2^2 / |Rx|_1, right in the mean over rotations. ``mse``: S = |Rx|_1 / d, of the
    least squared error (1 - 2 / pi of the energy instead of pi / 2 - 1), yet shrunk."""

    def __post_init__(self) -> None:
        if self.scale not in ("unbiased", "mse"):
            raise ValueError(f"scale: must be 'unbiased' or 'mse', got {self.scale!r}")

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of all coordinates of all blocks: after rotation they are all alike."""
        return [Alphabet(sum(size for _, size in blocks(slots, _OVERHEAD)), 2)]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Four bytes, a scale, for each block."""
        return 4 * len(blocks(slots, _OVERHEAD))

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """1 for a rotated coordinate of zero or above, 0 below."""
        rng = shared()
        signs, scales = [np.empty(0, np.uint8)], []
        for piece, size in cut(values, slots, _OVERHEAD):
            unit, top = normalized(piece)
            rotated = rotate(unit, size, rng)
            signs.append((rotated >= 0).view(np.uint8))
            scales.append(top * self._scale(unit, rotated))
        return Quantized([np.concatenate(signs)], pack_floats(scales))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """Rotated back; CodecError for a scale that is negative, NaN or infinite."""
        rng = shared()
        levels = np.array([-1, 1], np.float32)
        pieces, start = [], 0
        known = blocks(slots, _OVERHEAD)
        for (count, size), scale in zip(known, unpack_scales(quantized.side, len(known)), strict=True):
            signs = look_up(quantized.symbols[0][start : start + size], levels)
            pieces.append(scaled(rotate_back(signs, count, rng), scale))
            start += size
        return joined(pieces, slots, _OVERHEAD)

    def _scale(self, unit: Values, rotated: Array) -> float:
        """S / sqrt(d), for ``rotated`` is sqrt(d) times Rx, and rotating back multiplies by sqrt(d) too."""
        norm = total(np.abs(rotated))
        if norm == 0.0:
            return 0.0
        return total(np.square(unit)) / norm if self.scale == "unbiased" else norm / rotated.size**2
