"""Low rank: each layer as the product of two thin matrices, from its singular value decomposition.

Chuhan Wu, Fangzhao Wu, Lingjuan Lyu, Yongfeng Huang, Xing Xie, "Communication-efficient federated learning
via knowledge distillation", Nature Communications 13, 2022, https://doi.org/10.1038/s41467-022-29763-x
(FedKD, which sends updates so); the best product of a rank: Carl Eckart, Gale Young, Psychometrika 1, 1936.

Departures: the rank is a share of the full one and not chosen by energy, for both sides must know it; what
does not travel counts as zero in the decomposition and is not taken from the product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.types import Array
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Symbols, Values
from fedprune.wire.quantizers._bytes import join_bytes, split_bytes
from fedprune.wire.quantizers._numbers import normalized, pack_floats, scaled, unpack_scales

_CHUNK = 1 << 16
"""Entries of the product made at a time: few enough to stay in a core's own cache."""


@dataclass(frozen=True)
class LowRank:
    """Factors in half precision and a scale for each slot.

    A parameter is a matrix with its first axis as rows. One whose factors would be no fewer numbers than its
    travelling values, or with fewer than two axes, is sent as halves instead, relative to its largest
    magnitude. The sender's decomposition may differ in the last places from machine to machine; the product
    is the same everywhere.
    """

    share: float = 0.1
    """Rank of the factors over the full rank, in (0, 1]; rounded, one at least."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share: must lie in (0, 1], got {self.share}")

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """Two runs of bytes for each slot: the exponents of its halves, and the rest."""
        return [Alphabet(self._count(slot), 256) for slot in slots for _ in range(2)]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """Four bytes, a scale, for each slot."""
        return 4 * len(slots)

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The bytes of both factors, or of the values."""
        runs: list[Symbols] = []
        scales = []
        for value, slot in zip(values, slots, strict=True):
            unit, top = normalized(value)
            rank = self._rank(slot)
            if rank:
                factors = [normalized(f.reshape(-1)) for f in _factors(_matrix(unit, slot), rank)]
                top *= math.prod(peak for _, peak in factors)
                unit = np.concatenate([factor for factor, _ in factors])
            runs += split_bytes(unit.astype(np.float16).view(np.uint16))
            scales.append(top)
        return Quantized(runs, pack_floats(scales))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The products where values travel; CodecError for scales or halves that cannot be."""
        scales = unpack_scales(quantized.side, len(slots))
        values = []
        for place, (slot, scale) in enumerate(zip(slots, scales, strict=True)):
            halves = join_bytes(quantized.symbols[2 * place : 2 * place + 2], np.uint16).view(np.float16)
            if not np.isfinite(halves).all():
                raise CodecError("values: NaN or inf in half precision")
            unit = halves.astype(np.float32)
            rank = self._rank(slot)
            values.append(scaled(_product(unit, slot, rank) if rank else unit, scale))
        return values

    def _rank(self, slot: Slot) -> int:
        """The rank of this slot's factors; 0 when they would not save anything."""
        rows, columns = _sides(slot)
        rank = max(1, round(self.share * min(rows, columns)))
        return rank if len(slot.shape) > 1 and (rows + columns) * rank < slot.size else 0

    def _count(self, slot: Slot) -> int:
        """How many numbers of half precision travel for this slot."""
        return sum(_sides(slot)) * self._rank(slot) or slot.size


def _sides(slot: Slot) -> tuple[int, int]:
    return (slot.shape[0], math.prod(slot.shape[1:])) if slot.shape else (1, 1)


def _matrix(values: Values, slot: Slot) -> Array:
    if slot.places is None:
        return values.reshape(_sides(slot))
    matrix = np.zeros(_sides(slot), np.float32)
    matrix.reshape(-1)[slot.places] = values
    return matrix


def _factors(matrix: Array, rank: int) -> tuple[Array, Array]:
    """Shapes (rows, rank) and (rank, columns), float32, whose product is nearest to ``matrix``.

    The singular vectors of the shorter side are the eigenvectors of the smaller Gram matrix, a decomposition
    several times faster; the other factor, and with it the product, is a projection on them.
    """
    if matrix.shape[0] > matrix.shape[1]:
        left, right = _factors(matrix.T, rank)
        return right.T, left.T
    _, vectors = np.linalg.eigh(matrix @ matrix.T)
    left = vectors[:, ::-1][:, :rank]
    return left, left.T @ matrix


def _product(factors: Values, slot: Slot, rank: int) -> Values:
    """The product's entries at the slot's places, summed in one order on every machine (BLAS has none)."""
    rows, columns = _sides(slot)
    left, right = factors[: rows * rank].reshape(rows, rank), factors[rows * rank :].reshape(rank, columns)
    product = np.zeros((rows, columns), np.float32)
    height = max(1, _CHUNK // columns)
    scratch = np.empty((min(rows, height), columns), np.float32)
    for start in range(0, rows, height):
        part = product[start : start + height]
        for column, row in zip(left[start : start + height].T, right, strict=True):
            part += np.multiply(column[:, None], row, out=scratch[: len(part)])
    flat = product.reshape(-1)
    return flat if slot.places is None else flat.take(slot.places)
