"""Values in half precision: two bytes each, rounded to 11 significant bits and held within +-65504."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedprune.wire.value_codecs._checks import require_finite, require_length

LOSSLESS = False

LARGEST = np.float32(65504.0)
"""The largest finite half. Values beyond it are sent as it: an infinity would cost the whole update."""


def max_bytes(count: int) -> int:
    """The most bytes that ``count`` values take; here always as many."""
    return 2 * count


def encode(values: NDArray[np.float32]) -> bytes:
    """The halves of ``values``, float32 of shape (n,); ValueError when one is not finite."""
    require_finite(values)
    return np.clip(values, -LARGEST, LARGEST).astype("<f2").tobytes()


def decode(data: bytes | memoryview, count: int) -> NDArray[np.float32]:
    """``count`` values, float32; CodecError for any other length."""
    require_length(data, max_bytes(count))
    return np.frombuffer(data, "<f2").astype(np.float32)
