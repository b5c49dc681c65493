"""Ternary: TernGrad's rounding is right in the mean, the nearest form is the best there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.quantizers.ternary import Ternary

from .toy import assert_unbiased, relative_error, there_and_back


def test_terngrad_is_unbiased() -> None:
    assert_unbiased(Ternary(), np.random.default_rng(2).standard_normal(300).astype(np.float32))


def test_terngrad_rounds_to_the_largest_magnitude_or_to_zero() -> None:
    values = np.random.default_rng(3).standard_normal(2000).astype(np.float32)
    decoded = there_and_back(Ternary(), values)
    top = np.abs(values).max()
    assert set(np.unique(decoded)) == {-top, 0, top}
    assert (decoded * values >= 0).all()
    assert decoded[np.abs(values).argmax()] == values[np.abs(values).argmax()]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(seed=st.integers(0, 999), size=st.integers(1, 30))
def test_no_other_scale_has_a_smaller_error_than_the_nearest_form(seed: int, size: int) -> None:
    values = np.random.default_rng(seed).laplace(size=size).astype(np.float32)
    ours = relative_error(there_and_back(Ternary("nearest"), values), values)
    for scale in np.linspace(0.01, 1, 300) * np.abs(values).max():
        levels = np.where(np.abs(values) > scale / 2, np.sign(values) * scale, 0)
        assert ours <= relative_error(levels, values) + 1e-6


def test_the_nearest_form_by_hand() -> None:
    values = np.array([0.1, -4, 3, -0.1, 5], np.float32)
    assert there_and_back(Ternary("nearest"), values).tolist() == [0, -4, 4, 0, 4]


def test_roundings_it_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^rounding: "):
        Ternary("up")  # type: ignore[arg-type]
