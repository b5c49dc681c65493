"""Quantizers: one per file, values as symbols of small alphabets and back.

A plug-in's file defines one frozen dataclass, a ``Quantizer``, whose fields are its options in a scenario.
The receiver derives the sizes of all symbols, and the number of bytes of side information, from what both
sides know: neither is ever read from bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Symbols = NDArray[np.integer]
Generator = Callable[[], np.random.Generator]
"""Makes a keyed generator afresh at each call, so that whoever calls gets the same stream."""


@dataclass(frozen=True)
class Slot:
    """Where one parameter's values belong; both sides know it."""

    name: str
    shape: tuple[int, ...]
    """The shape of the whole parameter."""
    places: NDArray[np.intp] | None
    """Flat indices of the coordinates that travel, ascending; None for all of them."""

    @property
    def size(self) -> int:
        """The number of values that travel in this slot."""
        return math.prod(self.shape) if self.places is None else int(self.places.size)


@dataclass(frozen=True)
class Alphabet:
    """A run of symbols: how many there are, each in 0 ... levels - 1."""

    count: int
    levels: int
    """The number of different symbols, 2 to 65,536."""


@dataclass(frozen=True)
class Quantized:
    """Quantized values as they travel: a run of symbols for each alphabet, and side information (scales)."""

    symbols: list[Symbols]
    side: bytes = b""


class Quantizer(Protocol):
    """One quantizer with its options. ``values[i]`` are float32 of shape (slots[i].size,), all finite."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """The runs of symbols that values in these slots become."""

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """The exact length of the side information of values in these slots, in bytes."""

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """Turn values into symbols and side information.

        ``noise`` is the sender's own (stochastic rounding), ``shared`` the same on both sides (rotations).
        """

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """Turn symbols into values, new arrays, finite or not as the side information has it.

        Raises CodecError for side information that cannot be (a negative scale, NaN). Symbols are in range.
        """
