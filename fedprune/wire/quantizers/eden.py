"""EDEN: a randomly rotated vector in 1 to 4 bits a value, or in less than one by leaving out coordinates.

Shay Vargaftik, Ran Ben Basat, Amit Portnoy, Gal Mendelson, Yaniv Ben Itzhak, Michael Mitzenmacher, "EDEN:
Communication-Efficient and Robust Distributed Mean Estimation for Federated Learning", ICML 2022,
https://arxiv.org/abs/2108.08842

Departures: the rotation is the structured one (randomized Hadamard) over blocks of at most 65,536 coordinates
of one layer, each with its own scale, not one over the whole vector (DRIVE's file says why); rates between
whole numbers above one are not offered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fedprune.types import Array
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._numbers import (
    look_up,
    nearest,
    normalized,
    pack_floats,
    scaled,
    total,
    unpack_scales,
)
from fedprune.wire.quantizers._rotation import blocks, cut, joined, raw_bits, rotate, rotate_back


@dataclass(frozen=True)
class Eden:
    """Lloyd-Max levels c of the standard normal for the rotated values Rx of each block, and a scale.

    The scale, |x|_2^2 / <Rx, c>, makes the mean over rotations the values themselves.
    """

    rate: float = 1.0
    """Bits a value: 1, 2, 3 or 4, or above 0 and below 1, the share of rotated coordinates, chosen at random
    by a key both sides have, of which the sign travels."""

    def __post_init__(self) -> None:
        if not (0 < self.rate < 1 or self.rate in (1, 2, 3, 4)):
            raise ValueError(f"rate: must be 1, 2, 3, 4, or lie in (0, 1), got {self.rate}")

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of all chosen coordinates of all blocks: after rotation they are all alike."""
        chosen = sum(self._chosen_count(size) for _, size in self._blocks(slots))
        return [Alphabet(chosen, self._levels.size)]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Four bytes, a scale, for each block."""
        return 4 * len(self._blocks(slots))

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The places of the levels nearest to the rotated coordinates, at unit variance."""
        rng = shared()
        symbols, scales = [np.empty(0, np.uint8)], []
        for piece, size in cut(values, slots, self._overhead):
            chosen = self._chosen(size, rng)
            unit, top = normalized(piece)
            energy = total(np.square(unit))
            rotated = rotate(unit, size, rng)
            levels = nearest(rotated * np.float32(1 / math.sqrt(energy or 1.0)), self._levels)
            # Over all coordinates, not the chosen ones alone: a sum of few could come near zero.
            product = total(rotated * look_up(levels, self._levels))
            share = levels.size / size if chosen is None else chosen.size / size
            scales.append(top * energy / (product * share) if product else 0.0)
            symbols.append(levels if chosen is None else levels[chosen])
        return Quantized([np.concatenate(symbols)], pack_floats(scales))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """Rotated back; CodecError for a scale that is negative, NaN or infinite."""
        rng = shared()
        known = self._blocks(slots)
        pieces, start = [], 0
        for (count, size), scale in zip(known, unpack_scales(quantized.side, len(known)), strict=True):
            chosen = self._chosen(size, rng)
            stop = start + self._chosen_count(size)
            rotated = self._placed(quantized.symbols[0][start:stop], chosen, size)
            pieces.append(scaled(rotate_back(rotated, count, rng), scale))
            start = stop
        return joined(pieces, slots, self._overhead)

    @property
    def _levels(self) -> Array:
        return _normal_levels(max(1, int(self.rate)))

    @property
    def _overhead(self) -> float:
        """How many coordinates the bytes of one scale would code."""
        return 32 / self.rate

    def _blocks(self, slots: Sequence[Slot]) -> list[tuple[int, int]]:
        return blocks(slots, self._overhead)

    def _chosen_count(self, size: int) -> int:
        return size if self.rate >= 1 else max(1, round(self.rate * size))

    def _chosen(self, size: int, rng: np.random.Generator) -> NDArray[np.intp] | None:
        """Which coordinates travel, ascending; None for all of them."""
        count = self._chosen_count(size)
        if count == size:
            return None
        return np.sort(np.argpartition(raw_bits(size, rng), count)[:count])

    def _placed(self, symbols: Symbols, chosen: NDArray[np.intp] | None, size: int) -> Array:
        """The levels, zero for coordinates that were left out."""
        levels = look_up(symbols, self._levels)
        if chosen is None:
            return levels
        rotated = np.zeros(size, np.float32)
        rotated[chosen] = levels
        return rotated


@cache
def _normal_levels(bits: int) -> Array:
    """The 2^bits levels of least squared error for the standard normal (Lloyd 1957, Max 1960), float32.

    Rounded to 2^-16, far above what mathematics libraries differ by: every machine has the same levels.
    """
    half = 1 << (bits - 1)
    levels = [3.0 * (place + 0.5) / half for place in range(half)]
    for _ in range(1000):
        bounds = [0.0, *((low + high) / 2 for low, high in pairwise(levels)), math.inf]
        levels = [_normal_mean(low, high) for low, high in pairwise(bounds)]
    positive = np.round(np.array(levels) * 65536) / 65536
    return np.concatenate([-positive[::-1], positive]).astype(np.float32)


def _normal_mean(low: float, high: float) -> float:
    """The mean of a standard normal that is known to lie between ``low`` and ``high``."""
    density = math.exp(-low * low / 2) - math.exp(-high * high / 2)
    mass = math.erfc(low / math.sqrt(2)) - math.erfc(high / math.sqrt(2))
    return density / mass * math.sqrt(2 / math.pi)
