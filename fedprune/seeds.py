"""Keyed randomness: every draw comes from a generator named by (seed, purpose, round, client).

No global generator is read or set anywhere, so the same key gives the same numbers in any process, in any
order.
"""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, purpose: str, *, round: int = 0, client: int = 0) -> np.random.Generator:
    """A fresh generator for one purpose; equal keys give equal streams, different keys independent ones."""
    key = hashlib.blake2b(f"{seed}/{purpose}/{round}/{client}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "little")))
