"""What quantizers share: side information as bytes, the largest magnitude, values held finite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fedprune.types import Array
from fedprune.wire.chunks import chunks
from fedprune.wire.errors import CodecError
from fedprune.wire.finite import LARGEST, hold_finite
from fedprune.wire.quantizers import Symbols, Values

_CHUNK = 1 << 14
"""Values compared or looked up at a time: few enough to stay in a core's own cache."""


def largest(values: Values) -> float:
    """The largest magnitude, 0 when there are no values."""
    return float(max(values.max(), -values.min())) if values.size else 0.0


def normalized(values: Values) -> tuple[Values, float]:
    """A new array of the values over the largest magnitude, so within one, and that magnitude."""
    top = largest(values)
    unit: Values = np.divide(values, top or 1.0, dtype=np.float32)
    return unit, top


def total(values: Values) -> float:
    """The sum in double precision; no BLAS, whose order of summation differs between machines."""
    return float(values.sum(dtype=np.float64))


def scaled(values: Values, scale: float) -> Values:
    """``values`` times ``scale``, in place, what overflows held at the largest finite number."""
    with np.errstate(over="ignore", under="ignore"):
        values *= np.float32(scale)
    return hold_finite(values)


def running_sums(values: Values) -> Iterator[tuple[slice, Array]]:
    """A piece of ``values`` at a time, and in double precision the sums of all up to each of the piece."""
    before = 0.0
    for part in chunks(values.size):
        sums = values[part].astype(np.float64)
        sums[0] += before
        np.cumsum(sums, out=sums)
        before = sums[-1]
        yield part, sums


def pack_floats(numbers: Sequence[float]) -> bytes:
    """Four bytes a number, which is held finite."""
    return np.clip(np.array(numbers, np.float64), -LARGEST, LARGEST).astype("<f4").tobytes()


def unpack_scales(side: bytes, count: int) -> list[float]:
    """``count`` finite numbers, none negative; CodecError for anything else."""
    require_length(side, 4 * count)
    numbers = np.frombuffer(side, "<f4")
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise CodecError("side: a scale is negative, NaN or infinite")
    return [float(number) for number in numbers]


def require_length(side: bytes, expected: int) -> None:
    """CodecError when ``side`` has not exactly the expected number of bytes."""
    if len(side) != expected:
        raise CodecError(f"side: {len(side)} bytes, {expected} are expected")


def nearest(values: Values, levels: Array) -> NDArray[np.uint8]:
    """For each value the place of the nearest of 2 to 256 ascending float32 ``levels``.

    A value halfway between two levels becomes the lower one.
    """
    bounds = levels[:-1] / 2 + levels[1:] / 2
    symbols = np.zeros(values.size, np.uint8)
    for part in chunks(values.size, _CHUNK):
        piece, counts = values[part], symbols[part]
        # Counting the bounds below each value vectorises: up to 256 levels it beats a binary search.
        for bound in bounds:
            counts += piece > bound
    return symbols


def look_up(symbols: Symbols, levels: Array) -> Values:
    """The level of each symbol, ``levels[symbols]``, as float32."""
    levels, values = levels.astype(np.float32, copy=False), np.empty(symbols.size, np.float32)
    for part in chunks(symbols.size, _CHUNK):
        values[part] = levels.take(symbols[part])
    return values
