"""Checks that all value codecs make."""

from __future__ import annotations

import numpy as np

from fedprune.types import Array
from fedprune.wire.errors import CodecError


def is_finite(values: Array) -> bool:
    """Whether no value is NaN or infinite (NaN and both infinities show in the extremes)."""
    return not values.size or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def require_finite(values: Array) -> None:
    """ValueError when a value to be sent is NaN or infinite."""
    if not is_finite(values):
        raise ValueError("NaN or inf in values to be sent: did the training diverge?")


def require_length(data: bytes | memoryview, expected: int) -> None:
    """CodecError when ``data`` has not exactly the expected number of bytes."""
    if len(data) != expected:
        raise CodecError(f"values: {len(data)} bytes, {expected} are expected")
