"""Entropy coders: one per file, runs of symbols as bytes and back, each with ``encode`` and ``decode``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fedprune.wire.quantizers import Alphabet, Symbols


class EntropyCoder(Protocol):
    """What a plug-in's module offers."""

    def encode(self, runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> bytes:
        """All runs as one part of a message; ``runs[i]`` are ``alphabets[i].count`` symbols in its range."""

    def decode(self, data: bytes | memoryview, alphabets: Sequence[Alphabet]) -> list[Symbols]:
        """The runs, int32 or narrower.

        Raises CodecError for bytes that are no such runs: too few, left over, symbols out of range. Memory is
        bounded by the alphabets' counts, whatever the bytes say.
        """
