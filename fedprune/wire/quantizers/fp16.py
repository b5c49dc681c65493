"""Values in half precision: two bytes each, rounded to 11 significant bits and held within +-65504."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values
from fedprune.wire.quantizers._bytes import as_bytes, byte_alphabets, from_bytes

LARGEST = np.float32(65504.0)
"""The largest finite half. Values beyond it are sent as it: an infinity would cost the whole update."""


@dataclass(frozen=True)
class Fp16:
    """Rounding to the nearest half."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """Two bytes a value."""
        return byte_alphabets(slots, 2)

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """None."""
        return 0

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The bytes of the halves nearest to ``values``."""
        return as_bytes(
            np.clip(np.concatenate([np.empty(0, np.float32), *values]), -LARGEST, LARGEST).astype("<f2")
        )

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The halves as float32."""
        return from_bytes(quantized, slots, "<f2")
