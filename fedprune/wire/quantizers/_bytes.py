"""Values of a fixed number of bytes each, as symbols: the bytes of all values in one run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fedprune.types import Array
from fedprune.wire.quantizers import Alphabet, Quantized, Slot, Values


def byte_alphabets(slots: Sequence[Slot], width: int) -> list[Alphabet]:
    """One run of ``width`` bytes for each value."""
    return [Alphabet(width * sum(slot.size for slot in slots), 256)]


def as_bytes(values: Array) -> Quantized:
    """Little-endian values, one after the other, low bytes first; a view where it can be."""
    return Quantized([np.ascontiguousarray(values).view(np.uint8)])


def from_bytes(quantized: Quantized, slots: Sequence[Slot], kind: str) -> list[Values]:
    """The values of each slot as float32, views into the symbols where ``kind`` is that already."""
    symbols = np.ascontiguousarray(quantized.symbols[0], np.uint8)
    values = symbols.view(kind).astype(np.float32, copy=False)
    pieces, start = [], 0
    for slot in slots:
        pieces.append(values[start : start + slot.size])
        start += slot.size
    return pieces
