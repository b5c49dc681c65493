"""k-means levels: each layer has its own codebook of 2^bits values, placed where its values are.

Stuart P. Lloyd, "Least Squares Quantization in PCM", IEEE Transactions on Information Theory 28(2), 1982,
https://doi.org/10.1109/TIT.1982.1056489; for weights: Song Han, Huizi Mao, William J. Dally, "Deep
Compression", ICLR 2016, https://arxiv.org/abs/1510.00149

Departures: none of the retraining of the second paper; the levels start where few iterations are left to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.types import Array
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._numbers import (
    look_up,
    nearest,
    normalized,
    pack_floats,
    require_length,
    running_sums,
    unpack_scales,
)

_ITERATIONS = 50
_GRID = 512
"""Quantiles that the density is read from for the start."""


@dataclass(frozen=True)
class KMeans:
    """Codebooks of halves, relative to the layer's largest magnitude.

    A layer with fewer values than levels has as many levels as values, but two at least.
    """

    bits: int = 4
    """Bits of a symbol before entropy coding, 1 to 8. A codebook takes 2 * 2^bits + 4 bytes."""

    def __post_init__(self) -> None:
        if self.bits not in range(1, 9):
            raise ValueError(f"bits: must be 1 to 8, got {self.bits}")

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of symbols for each slot."""
        return [Alphabet(slot.size, self._count(slot)) for slot in slots]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """For each slot four bytes, its scale, and two for each level of its codebook."""
        return sum(4 + 2 * self._count(slot) for slot in slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The places of the nearest levels; scales and codebooks as side information."""
        symbols: list[Symbols] = []
        side = []
        for value, slot in zip(values, slots, strict=True):
            ordered, top = normalized(value)
            ordered.sort()
            codebook = _codebook(ordered, self._count(slot))
            del ordered
            side.append(pack_floats([top]) + codebook.tobytes())
            symbols.append(nearest(normalized(value)[0], codebook.astype(np.float32)))
        return Quantized(symbols, b"".join(side))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The levels; CodecError for scales that cannot be, and for levels beyond them."""
        require_length(quantized.side, self.side_bytes(slots))
        values, start = [], 0
        for symbols, slot in zip(quantized.symbols, slots, strict=True):
            middle, stop = start + 4, start + 4 + 2 * self._count(slot)
            (top,) = unpack_scales(quantized.side[start:middle], 1)
            codebook = np.frombuffer(quantized.side[middle:stop], "<f2")
            if not np.isfinite(codebook).all() or (np.abs(codebook) > 1).any():
                raise CodecError("side: a level of a codebook is NaN or beyond its scale")
            values.append(look_up(symbols, codebook.astype(np.float32) * np.float32(top)))
            start = stop
        return values

    def _count(self, slot: Slot) -> int:
        """The number of levels in the codebook of this slot."""
        return max(2, min(1 << self.bits, slot.size))


def _codebook(ordered: Values, count: int) -> Array:
    """``count`` ascending levels for ascending values in [-1, 1], as little-endian halves.

    Lloyd's iteration needs no more than these and their running sums.
    """
    if not ordered.size:
        ordered = np.zeros(1, np.float32)
    first = np.ones(ordered.size, np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    if np.count_nonzero(first) <= count:
        # Each is a level; Lloyd's iteration could merge two of them.
        different = ordered[first]
        return np.concatenate([different, different[-1:].repeat(count - different.size)]).astype("<f2")
    sums = np.zeros(ordered.size + 1)
    for part, piece in running_sums(ordered):
        sums[1:][part] = piece
    levels, before = _start(ordered, count), np.empty(0)
    for _ in range(_ITERATIONS):
        bounds = ((levels[1:] + levels[:-1]) / 2).astype(np.float32)
        edges = np.concatenate([[0], np.searchsorted(ordered, bounds), [ordered.size]])
        if np.array_equal(edges, before):
            break
        counts = np.diff(edges)
        # A level that nothing is nearest to stays where it is.
        np.divide(np.diff(sums[edges]), counts, out=levels, where=counts > 0)
        before = edges
    return np.sort(levels).astype("<f2")


def _start(ordered: Values, count: int) -> Array:
    """Levels as dense as the cube root of the density of values: the best for many levels (Panter, Dite)."""
    places = np.linspace(0, ordered.size - 1, min(ordered.size, _GRID)).astype(np.intp)
    quantiles = ordered[places].astype(np.float64)
    # Equal shares lie between quantiles: the density is 1 / gap, its cube root times the gap is gap^(2/3).
    levels = np.concatenate([[0.0], np.cumsum(np.diff(quantiles) ** (2 / 3))])
    start: Array = np.interp((np.arange(count) + 0.5) / count * levels[-1], levels, quantiles)
    return start
