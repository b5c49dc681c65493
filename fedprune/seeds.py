"""Keyed randomness: every draw comes from a generator named by (seed, purpose, round, client).

No global generator is read or set anywhere, so the same key gives the same numbers in any process, in any
order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


def generator(seed: int, purpose: str, *, round: int = 0, client: int = 0) -> np.random.Generator:
    """A fresh generator for one purpose; equal keys give equal streams, different keys independent ones."""
    key = hashlib.blake2b(f"{seed}/{purpose}/{round}/{client}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "little")))


@dataclass(frozen=True)
class Key:
    """What names a stream of draws, as a value that can travel to where they are drawn."""

    seed: int
    purpose: str
    round: int = 0
    client: int = 0

    def generator(self) -> np.random.Generator:
        """A fresh generator at the beginning of the stream."""
        return generator(self.seed, self.purpose, round=self.round, client=self.client)
