"""A keyed random rotation: random signs, then a Hadamard transform, over blocks of powers of two.

Elementwise sums and differences in a fixed order and no BLAS, so that the same bytes become the same values
on every machine. The randomized Hadamard transform stands in for the uniformly random rotation of the papers:
its output is as good as normal when no few values hold most of a block's energy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fedprune.types import Array
from fedprune.wire.quantizers import Slot, Values

LARGEST_BLOCK = 1 << 16
"""Coordinates of the largest block: enough to mix, few enough to stay in a core's own cache."""


def block_sizes(count: int, overhead: float) -> list[int]:
    """Powers of two that hold ``count`` values between them, each but the last one full.

    ``overhead`` is what another block costs (its scale), in coordinates. The sizes are those of the least
    coordinates and overhead together.
    """
    full, rest = divmod(count, LARGEST_BLOCK)
    return [LARGEST_BLOCK] * full + _cover(rest, overhead)


def _cover(count: int, overhead: float) -> list[int]:
    if count == 0:
        return []
    whole = 1 << (count - 1).bit_length()
    if whole == 1:
        return [1]
    split = [whole // 2, *_cover(count - whole // 2, overhead)]
    return [whole] if whole + overhead <= sum(split) + overhead * len(split) else split


def blocks(slots: Sequence[Slot], overhead: float) -> list[tuple[int, int]]:
    """For each block of each slot, in their order, how many values it holds and its size."""
    found = []
    for slot in slots:
        left = slot.size
        for size in block_sizes(slot.size, overhead):
            found.append((min(size, left), size))
            left -= size
    return found


def cut(values: Sequence[Values], slots: Sequence[Slot], overhead: float) -> Iterator[tuple[Values, int]]:
    """The values of each of the ``blocks``, and its size."""
    for value, slot in zip(values, slots, strict=True):
        start = 0
        for count, size in blocks([slot], overhead):
            yield value[start : start + count], size
            start += count


def joined(pieces: Sequence[Values], slots: Sequence[Slot], overhead: float) -> list[Values]:
    """The values of each slot again, from those of each of the ``blocks``."""
    rest = iter(pieces)
    return [
        np.concatenate([np.empty(0, np.float32), *(next(rest) for _ in blocks([slot], overhead))])
        for slot in slots
    ]


def rotate(values: Values, size: int, rng: np.random.Generator) -> Array:
    """sqrt(size) times the rotation of ``values``, padded by zeros to ``size``; float32, a new array."""
    padded = np.zeros(size, np.float32)
    np.multiply(values, _signs(size, rng)[: values.size], out=padded[: values.size])
    return hadamard(padded)


def rotate_back(rotated: Array, count: int, rng: np.random.Generator) -> Values:
    """sqrt(size) times the inverse rotation, the first ``count`` values of it.

    The inverse when ``rng`` is where it was before ``rotate``.
    """
    return hadamard(rotated)[:count] * _signs(rotated.size, rng)[:count]


def hadamard(values: Array) -> Array:
    """The Walsh-Hadamard transform, in natural order and not normalized; ``values`` are overwritten.

    The vector is taken for a matrix whose columns, then rows, are transformed, so that all inner loops run
    over long contiguous pieces.
    """
    rows = 1 << ((values.size.bit_length() - 1) // 2)
    half = _butterflies(values.reshape(rows, -1))
    return np.ascontiguousarray(_butterflies(np.ascontiguousarray(half.T)).T).reshape(-1)


def _butterflies(matrix: Array) -> Array:
    """The transform of each column; ``matrix``, with a power of two of rows, is used as scratch."""
    other = np.empty_like(matrix)
    step = 1
    while step < len(matrix):
        pairs, out = (m.reshape(-1, 2, step * m.shape[1]) for m in (matrix, other))
        np.add(pairs[:, 0], pairs[:, 1], out=out[:, 0])
        np.subtract(pairs[:, 0], pairs[:, 1], out=out[:, 1])
        matrix, other = other, matrix
        step *= 2
    return matrix


def raw_bits(count: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Draw ``count`` random integers of 64 bits.

    Taken from the bit generator itself: other draws may change from one version of NumPy to the next.
    """
    raw: NDArray[np.uint64] = rng.bit_generator.random_raw(count)
    return raw


def _signs(count: int, rng: np.random.Generator) -> Array:
    words = raw_bits(-(-count // 64), rng).astype("<u8")
    signs = np.unpackbits(words.view(np.uint8), count=count).astype(np.float32)
    signs *= -2
    signs += 1
    return signs
