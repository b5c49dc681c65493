"""Every symbol in two bytes: large, and easy to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Symbols


def encode(runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> bytes:
    """The runs one after the other, little-endian."""
    return b"".join(run.astype("<u2").tobytes() for run in runs)


def decode(data: bytes | memoryview, alphabets: Sequence[Alphabet]) -> list[Symbols]:
    """The runs. Raises CodecError for another length, or a symbol out of range."""
    counts = [alphabet.count for alphabet in alphabets]
    if len(data) != 2 * sum(counts):
        raise CodecError(f"values: {len(data)} bytes, {2 * sum(counts)} are expected")
    everything = np.frombuffer(data, "<u2")
    runs = np.split(everything, np.cumsum(counts)[:-1])
    if any(run.size and run.max() >= each.levels for run, each in zip(runs, alphabets, strict=True)):
        raise CodecError("values: a symbol is out of range")
    return list(runs)
