"""The account of a message: how many of its bytes were values, mask, side information and overhead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_COLUMNS = {
    "values": "values",
    "dense": "values",
    "mask": "mask",
    "next": "mask",
    "shared": "mask",
    "chosen": "mask",
    "side": "side",
}
"""Part of a message -> column of the account; every other part is overhead."""


@dataclass(frozen=True)
class Bytes:
    """Bytes of one message, or of many added up."""

    values: int = 0
    """Weights, whichever codec they went through."""
    mask: int = 0
    """Masks, and which of the kept coordinates travel."""
    side: int = 0
    """Side information that quantizers send beside their symbols, such as scales."""
    overhead: int = 0
    """All the rest: frame, head, report, the transport's own envelope."""

    @property
    def total(self) -> int:
        """The length in bytes of everything that the transport was given."""
        return self.values + self.mask + self.side + self.overhead

    def __add__(self, other: Bytes) -> Bytes:
        return Bytes(
            self.values + other.values,
            self.mask + other.mask,
            self.side + other.side,
            self.overhead + other.overhead,
        )


def measure(parts: Mapping[str, bytes | memoryview], transported: int) -> Bytes:
    """Split ``transported``, the length in bytes of what was handed to the transport, by the ``parts`` in it.

    Raises ValueError when the parts alone are longer than that.
    """
    columns = {"values": 0, "mask": 0, "side": 0}
    for name, part in parts.items():
        if name in _COLUMNS:
            columns[_COLUMNS[name]] += len(part)
    overhead = transported - sum(columns.values())
    if overhead < 0:
        raise ValueError(f"{transported} bytes were transported, fewer than the parts have: {columns}")
    return Bytes(**columns, overhead=overhead)
