"""Entropy coders: one per file, runs of symbols as bytes and back, each with ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fedprune.wire.quantizers import Alphabet, Symbols


class EntropyCoder(Protocol):
    """The two functions that the module of an entropy coder offers."""

    def encode(self, runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> bytes:
        """Code all runs as one part of a message.

        ``runs[i]`` holds ``alphabets[i].count`` symbols in the range of that alphabet.
        """

    def decode(self, data: bytes | memoryview, alphabets: Sequence[Alphabet]) -> list[Symbols]:
        """Decode the runs of symbols, as integers of 32 bits or fewer.

        Raises CodecError for bytes that are no such runs: too few, left over, symbols out of range. Memory is
        bounded by the alphabets' counts, whatever the bytes say.
        """
