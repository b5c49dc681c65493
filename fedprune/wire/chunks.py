"""Long arrays in pieces: what is made of a piece takes little memory and stays in a core's own cache."""

from __future__ import annotations

from collections.abc import Iterator

CHUNK = 1 << 15
"""Entries of a piece, where nothing calls for another number."""


def chunks(size: int, length: int = CHUNK, *, backwards: bool = False) -> Iterator[slice]:
    """Slices of ``length`` entries, the last one shorter, that make up ``size``; none for 0."""
    starts = range(0, size, length)
    for start in reversed(starts) if backwards else starts:
        yield slice(start, min(start + length, size))
