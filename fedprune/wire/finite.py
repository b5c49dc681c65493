"""Finite values: checked before they leave and after they arrive, and held so in between."""

from __future__ import annotations

import numpy as np

from fedprune.types import Array

LARGEST = float(np.finfo(np.float32).max)
"""The largest finite number in single precision."""


def is_finite(values: Array) -> bool:
    """Whether no value is NaN or infinite (NaN and both infinities show in the extremes)."""
    return not values.size or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def require_finite(values: Array) -> None:
    """ValueError when a value to be sent is NaN or infinite."""
    if not is_finite(values):
        raise ValueError("NaN or inf in values to be sent: did the training diverge?")


def hold_finite(values: Array) -> Array:
    """``values`` (float32), infinities among them replaced in place by the largest finite numbers."""
    return np.clip(values, -LARGEST, LARGEST, out=values)
