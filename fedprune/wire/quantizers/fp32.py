"""Values as they are: four bytes each (IEEE 754 single precision)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values
from fedprune.wire.quantizers._bytes import byte_alphabets, join_bytes, split_bytes


@dataclass(frozen=True)
class Fp32:
    """No quantization at all. What an entropy coder saves, about a quarter, costs no precision."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """Four runs of bytes for each slot: exponents first, signs with the last bits of the mantissas."""
        return byte_alphabets(slots, 4)

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """There is no side information."""
        return 0

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The bytes of ``values``, unchanged, as symbols."""
        bits = (np.ascontiguousarray(value, np.float32).view(np.uint32) for value in values)
        return Quantized([run for value in bits for run in split_bytes(value)])

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The values, put together from their bytes."""
        runs = quantized.symbols
        bits = (join_bytes(runs[i : i + 4], np.uint32) for i in range(0, 4 * len(slots), 4))
        return [value.view(np.float32) for value in bits]
