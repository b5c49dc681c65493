"""Values as they are: four bytes each (IEEE 754 single precision, little-endian)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.value_codecs._checks import require_finite, require_length

LOSSLESS = True


def max_bytes(count: int) -> int:
    """The most bytes that ``count`` values take; here always as many."""
    return 4 * count


def encode(values: NDArray[np.float32]) -> bytes:
    """The bytes of ``values``, float32 of shape (n,); ValueError when one is not finite."""
    require_finite(values)
    return values.astype("<f4", copy=False).tobytes()


def decode(data: bytes | memoryview, count: int) -> NDArray[np.float32]:
    """``count`` values, float32, a read-only view where it can be; CodecError for any other length."""
    require_length(data, max_bytes(count))
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
