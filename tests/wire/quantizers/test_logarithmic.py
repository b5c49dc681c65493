"""Logarithmic levels: an error in proportion to the value."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedprune.wire.quantizers.logarithmic import Logarithmic

from .toy import there_and_back

FINITE = st.floats(-(2.0**99), 2.0**99, width=32)


def test_four_bits_are_powers_of_two_below_the_largest() -> None:
    values = np.array([64, -32, 16, 8, -4, 2, 1, 0, 0.4], np.float32)
    decoded = there_and_back(Logarithmic(), values)
    assert decoded.tolist() == [64, -32, 16, 8, -4, 2, 1, 0, 0]
    assert there_and_back(Logarithmic(), np.array([64, 25, 23], np.float32)).tolist() == [64, 32, 16]


@settings(derandomize=True, deadline=None)
@given(values=hnp.arrays(np.float32, st.integers(1, 50), elements=FINITE), bits=st.integers(3, 8))
def test_the_error_is_half_a_gap_at_most(values: np.ndarray, bits: int) -> None:
    decoded = there_and_back(Logarithmic(bits, 6.0), values).astype(np.float64)
    size, top = np.abs(values.astype(np.float64)), float(np.abs(values).max())
    ratio = 2 ** (6 / ((1 << (bits - 1)) - 2))
    large = size >= top / 64
    assert (np.abs(decoded - values)[large] <= (ratio - 1) / 2 * size[large] + top * 1e-6 + 1e-44).all()
    assert (np.abs(decoded - values)[~large] <= top / 128 + top * 1e-6 + 1e-44).all()


@pytest.mark.parametrize(
    ("options", "field"),
    [({"bits": 1}, "bits"), ({"octaves": 0.0}, "octaves"), ({"octaves": 101.0}, "octaves")],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Logarithmic(**options)
