"""bfloat16: the nearest of 8 significant bits, ties to even, never an infinity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Quantized
from fedprune.wire.quantizers.bf16 import BF16

from .toy import decode, encode, there_and_back, whole

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(derandomize=True, deadline=None)
@given(values=hnp.arrays(np.float32, st.integers(0, 40), elements=FINITE))
def test_the_error_is_at_most_half_a_last_place(values: np.ndarray) -> None:
    values = np.clip(values, -3.38e38, 3.38e38)
    error = np.abs(there_and_back(BF16(), values).astype(np.float64) - values)
    assert (error <= np.maximum(np.abs(values.astype(np.float64)) * 2.0**-8, 2.0**-134)).all()


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (1.0, 1.0),
        (-0.0, -0.0),
        (1.0 + 2.0**-8, 1.0),
        (1.0 + 3 * 2.0**-8, 1.0 + 2.0**-6),
        (-(1.0 + 2.0**-8 + 2.0**-20), -(1.0 + 2.0**-7)),
        (3.4028235e38, 3.3895314e38),
        (-3.4028235e38, -3.3895314e38),
    ],
)
def test_rounding_by_hand(value: float, rounded: float) -> None:
    decoded = there_and_back(BF16(), np.array([value], np.float32))
    assert decoded.tobytes() == np.array([rounded], np.float32).tobytes()


def test_what_is_a_bfloat16_already_comes_back_exactly() -> None:
    every = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    every = every[np.isfinite(every)]
    assert there_and_back(BF16(), every).tobytes() == every.tobytes()


def test_exponents_travel_apart_so_that_they_can_be_coded_well() -> None:
    values = np.random.default_rng(1).standard_normal(20_000).astype(np.float32)
    counts = np.bincount(encode(BF16(), [values], [whole(values.size)]).symbols[0]) / values.size
    counts = counts[counts > 0]
    assert -(counts * np.log2(counts)).sum() < 3


@pytest.mark.parametrize("bits", [0x7F80, 0xFF80, 0x7FC0, 0xFFFF])
def test_infinity_and_nan_are_refused(bits: int) -> None:
    turned = (bits << 1 | bits >> 15) & 0xFFFF
    runs = [np.array([turned >> 8], np.uint8), np.array([turned & 255], np.uint8)]
    with pytest.raises(CodecError, match="NaN or inf"):
        decode(BF16(), Quantized(list(runs)), [whole(1)])
