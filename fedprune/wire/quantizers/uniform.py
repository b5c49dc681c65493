"""Uniform levels: 2 to 8 bits a value, one step per layer or per channel, nearest or stochastic rounding.

Stochastic rounding: Dan Alistarh, Demjan Grubic, Jerry Li, Ryota Tomioka, Milan Vojnovic, "QSGD:
Communication-Efficient SGD via Gradient Quantization and Encoding", NIPS 2017,
https://arxiv.org/abs/1610.02132

Departures: the largest magnitude takes the place of the paper's l2 norm, whose levels reach where no value
is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fedprune.types import Array
from fedprune.wire.chunks import chunks
from fedprune.wire.errors import CodecError
from fedprune.wire.finite import LARGEST, hold_finite
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._numbers import require_length

_SMALLEST_STEP = np.float32(2.0**-126)
"""Below it single precision has no full mantissa left to divide by."""
_LARGEST_STEP = np.uint16(0x7F7F)
"""Bits of the largest finite bfloat16."""


@dataclass(frozen=True)
class Uniform:
    """2^bits - 1 equidistant levels, symmetric about zero, which is one of them.

    A step is the largest magnitude over the number of levels on its side, rounded up to bfloat16: two bytes
    each, and a level is exact in float32. The error is at most half a step when rounding to the nearest,
    less than one step when rounding stochastically (both but for float32's own rounding, a relative 2^-24).
    """

    bits: int = 8
    """Bits of a symbol before entropy coding, 2 to 8."""
    scales: Literal["layer", "channel"] = "layer"
    """Whether a whole parameter has one step, or each entry of its first axis (a filter, a neuron) its own. A
    channel of which nothing travels costs nothing. Parameters with fewer than two axes have one step."""
    rounding: Literal["nearest", "stochastic"] = "nearest"
    """To the nearest level, or up or down at random so that the mean over the noise is the value itself."""

    def __post_init__(self) -> None:
        if self.bits not in range(2, 9):
            raise ValueError(f"bits: must be 2 to 8, got {self.bits}")
        if self.scales not in ("layer", "channel"):
            raise ValueError(f"scales: must be 'layer' or 'channel', got {self.scales!r}")
        if self.rounding not in ("nearest", "stochastic"):
            raise ValueError(f"rounding: must be 'nearest' or 'stochastic', got {self.rounding!r}")

    @property
    def reach(self) -> int:
        """The number of levels above zero; symbol ``reach`` stands for zero."""
        return (1 << (self.bits - 1)) - 1

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """One run of symbols for each slot."""
        return [Alphabet(slot.size, 2 * self.reach + 1) for slot in slots]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Two bytes for each step, a bfloat16."""
        return 2 * sum(self._groups(slot).size for slot in slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The places of levels near ``values``; all steps as side information."""
        rng = noise() if self.rounding == "stochastic" else None
        symbols: list[Symbols] = []
        side = []
        for value, slot in zip(values, slots, strict=True):
            counts = self._groups(slot)
            steps = _steps(_largest(value, counts), self.reach)
            side.append(steps.astype("<u2").tobytes())
            symbols.append(_rounded(value, _spread(_widened(steps), counts), self.reach, rng))
        return Quantized(symbols, b"".join(side))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The levels; CodecError for steps that are negative, NaN, infinite, too few or too many."""
        require_length(quantized.side, self.side_bytes(slots))
        halves = np.frombuffer(quantized.side, "<u2").astype(np.uint16)
        if halves.size and halves.max() > _LARGEST_STEP:
            raise CodecError("side: a step is negative, NaN or infinite")
        steps, start, values = _widened(halves), 0, []
        for symbols, slot in zip(quantized.symbols, slots, strict=True):
            counts = self._groups(slot)
            own = steps[start : start + counts.size]
            start += counts.size
            values.append(_levels(symbols, _spread(own, counts), self.reach))
        return values

    def _groups(self, slot: Slot) -> NDArray[np.intp]:
        """How many travelling values each step is for, in their order; no zeros."""
        if self.scales == "layer" or len(slot.shape) < 2:
            return np.array([slot.size] if slot.size else [], np.intp)
        width = math.prod(slot.shape[1:])
        if slot.places is None:
            return np.full(slot.shape[0] if width else 0, width, np.intp)
        stops = np.searchsorted(slot.places, np.arange(slot.shape[0] + 1) * width)
        counts = np.diff(stops)
        return counts[counts > 0]


def _largest(values: Values, counts: NDArray[np.intp]) -> Array:
    """The largest magnitude in each group of ``counts[i]`` consecutive values."""
    if counts.size < 2:
        return np.array([max(values.max(), -values.min())] if values.size else [], np.float32)
    starts = np.cumsum(counts) - counts
    return np.maximum(np.maximum.reduceat(values, starts), -np.minimum.reduceat(values, starts))


def _steps(largest: Array, reach: int) -> NDArray[np.uint16]:
    """Bits of bfloat16 steps, rounded up so that ``reach`` of them span ``largest``; zero for zero.

    Only where the largest magnitude is beyond the largest bfloat16 do they fall short, by 0.4 % of a step.
    """
    steps = np.where(largest > 0, np.maximum(largest / np.float32(reach), _SMALLEST_STEP), np.float32(0))
    up = (steps.astype(np.float32).view(np.uint32) + np.uint32(0xFFFF)) >> 16
    halves: NDArray[np.uint16] = np.minimum(up, _LARGEST_STEP).astype(np.uint16)
    return halves


def _widened(halves: NDArray[np.uint16]) -> Array:
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _spread(steps: Array, counts: NDArray[np.intp]) -> Array:
    """A step for each value, or one that is for all of them."""
    return steps if steps.size == 1 else np.repeat(steps, counts)


def _rounded(values: Values, steps: Array, reach: int, rng: np.random.Generator | None) -> NDArray[np.uint8]:
    # Where a step is zero so are its values.
    steps = np.where(steps > 0, steps, np.float32(1))
    symbols = np.empty(values.size, np.uint8)
    for part in chunks(values.size):
        levels = np.divide(values[part], steps if steps.size == 1 else steps[part])
        np.clip(levels, -reach, reach, out=levels)
        if rng is None:
            np.rint(levels, out=levels)
        else:
            lower = np.floor(levels)
            lower += rng.random(levels.size, dtype=np.float32) < levels - lower
            levels = lower
        levels += np.float32(reach)
        symbols[part] = levels
    return symbols


def _levels(symbols: Symbols, steps: Array, reach: int) -> Values:
    values = symbols.astype(np.float32)
    values -= np.float32(reach)
    if not steps.size or float(steps.max()) * reach <= LARGEST:
        values *= steps
        return values
    with np.errstate(over="ignore"):
        values *= steps
    return hold_finite(values)
