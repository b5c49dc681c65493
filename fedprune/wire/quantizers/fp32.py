"""Values as they are: four bytes each (IEEE 754 single precision, little-endian)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values
from fedprune.wire.quantizers._bytes import as_bytes, byte_alphabets, from_bytes


@dataclass(frozen=True)
class Fp32:
    """No quantization at all."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """Four bytes a value."""
        return byte_alphabets(slots, 4)

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """None."""
        return 0

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The bytes of ``values``."""
        return as_bytes(np.concatenate([np.empty(0, np.float32), *values]).astype("<f4", copy=False))

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The values, read-only views where they can be."""
        return from_bytes(quantized, slots, "<f4")
