"""Whether values are finite: checked before they leave and after they arrive."""

from __future__ import annotations

import numpy as np

from fedprune.types import Array


def is_finite(values: Array) -> bool:
    """Whether no value is NaN or infinite (NaN and both infinities show in the extremes)."""
    return not values.size or bool(np.isfinite(values.min()) and np.isfinite(values.max()))


def require_finite(values: Array) -> None:
    """ValueError when a value to be sent is NaN or infinite."""
    if not is_finite(values):
        raise ValueError("NaN or inf in values to be sent: did the training diverge?")
