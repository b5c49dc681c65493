"""Values as whole multiples of a fixed step, a byte each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.wire.quantizers import Alphabet, Generator, Quantized, Slot, Values


@dataclass(frozen=True)
class OneByte:
    """Rounding to the nearest of 255 multiples of ``size``."""

    size: float = 0.01
    """The step between two values."""

    def alphabets(self, slots: Sequence[Slot]) -> list[Alphabet]:
        """A run of bytes for each slot."""
        return [Alphabet(slot.size, 255) for slot in slots]

    def side_bytes(self, slots: Sequence[Slot]) -> int:
        """None: the step is known to both sides."""
        return 0

    def quantize(
        self, values: Sequence[Values], slots: Sequence[Slot], noise: Generator, shared: Generator
    ) -> Quantized:
        """The multiples, moved by 127 so that they begin at 0."""
        steps = (np.rint(np.clip(value / self.size, -127, 127)) + 127 for value in values)
        return Quantized([step.astype(np.uint8) for step in steps])

    def dequantize(self, quantized: Quantized, slots: Sequence[Slot], shared: Generator) -> list[Values]:
        """The multiples times the step, float32."""
        return [(run.astype(np.float32) - 127) * np.float32(self.size) for run in quantized.symbols]
