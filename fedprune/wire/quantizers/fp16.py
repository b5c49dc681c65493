"""Values in half precision: two bytes each, rounded to 11 significant bits and held within +-65504."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values
from fedprune.wire.quantizers._bytes import byte_alphabets, join_bytes, split_bytes

LARGEST = np.float32(65504.0)
"""The largest finite half. Values beyond it are sent as it: an infinity would cost the whole update."""


@dataclass(frozen=True)
class Fp16:
    """Values rounded to the nearest number of half precision."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """Two runs of bytes for each slot: exponents, then the rest."""
        return byte_alphabets(slots, 2)

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """There is no side information."""
        return 0

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The bytes of the halves nearest to ``values``."""
        halves = (np.clip(value, -LARGEST, LARGEST).astype(np.float16) for value in values)
        return Quantized([run for half in halves for run in split_bytes(half.view(np.uint16))])

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The numbers of half precision widened to float32."""
        runs = quantized.symbols
        halves = (join_bytes(runs[i : i + 2], np.uint16) for i in range(0, 2 * len(slots), 2))
        return [half.view(np.float16).astype(np.float32) for half in halves]
