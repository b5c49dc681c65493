"""Uniform levels: half a step when rounding to the nearest, one when stochastic, right in the mean."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedprune.wire.quantizers import Slot
from fedprune.wire.quantizers.uniform import Uniform

from .toy import assert_unbiased, encode, kept, there_and_back, whole

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
ANY = hnp.arrays(np.float32, st.integers(1, 60), elements=FINITE)
SMALL = hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(-1, 1, width=32))


def steps_of(quantizer: Uniform, values: np.ndarray, slot: Slot) -> np.ndarray:
    side = encode(quantizer, [values], [slot]).side
    return (np.frombuffer(side, "<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)


@settings(derandomize=True, deadline=None)
@given(values=ANY | SMALL, bits=st.integers(2, 8), rounding=st.sampled_from(["nearest", "stochastic"]))
def test_the_error_is_within_half_a_step_or_one(values: np.ndarray, bits: int, rounding: Any) -> None:
    quantizer = Uniform(bits, "layer", rounding)
    (step,) = steps_of(quantizer, values, whole(values.size))
    error = np.abs(there_and_back(quantizer, values).astype(np.float64) - values)
    slack = np.abs(values.astype(np.float64)) * 2.0**-23
    assert (error <= step * (0.5 if rounding == "nearest" else 1.0) + slack).all()
    top = float(np.abs(values).max())
    assert step <= max(top / quantizer.reach * (1 + 2.0**-7), 2.0**-126)


@settings(derandomize=True, deadline=None)
@given(values=ANY, rounding=st.sampled_from(["nearest", "stochastic"]))
def test_levels_come_back_exactly(values: np.ndarray, rounding: Any) -> None:
    once = there_and_back(Uniform(8, "layer", "nearest"), values)
    (step,) = steps_of(Uniform(8), values, whole(values.size))
    if np.abs(once).max() == 127 * step:
        assert there_and_back(Uniform(8, "layer", rounding), once).tobytes() == once.tobytes()


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("scales", ["layer", "channel"])
def test_stochastic_rounding_is_unbiased(bits: int, scales: Any) -> None:
    values = np.random.default_rng(1).laplace(size=300).astype(np.float32)
    assert_unbiased(Uniform(bits, scales, "stochastic"), values)


def test_nearest_rounding_is_biased_and_the_test_sees_it() -> None:
    values = np.random.default_rng(1).laplace(size=300).astype(np.float32)
    with pytest.raises(AssertionError):
        assert_unbiased(Uniform(2), values)


def test_each_channel_has_its_own_step() -> None:
    values = np.array([1, -3, 2, 100, 300, -200], np.float32)
    by_channel = Uniform(3, "channel")
    assert steps_of(by_channel, values, whole(2, 3)).tolist() == [1.0, 100.0]
    assert there_and_back(by_channel, values, whole(2, 3)).tolist() == values.tolist()
    assert there_and_back(Uniform(3), values, whole(2, 3)).tolist() == [0, 0, 0, 100, 300, -200]


def test_channels_of_which_nothing_travels_cost_nothing() -> None:
    slot = kept((4, 3), [0, 2, 9, 10])
    by_channel = Uniform(8, "channel")
    assert by_channel.side_bytes([slot]) == 2 * 2
    values = np.array([127, -1, 1270, 20], np.float32)
    assert there_and_back(by_channel, values, slot).tolist() == values.tolist()
    assert by_channel.side_bytes([kept((4, 3), []), whole(0, 3), whole(3, 0)]) == 0
    assert by_channel.side_bytes([whole(3, 2, 2), whole(9)]) == 2 * (3 + 1)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"bits": 1}, "bits"),
        ({"bits": 9}, "bits"),
        ({"scales": "row"}, "scales"),
        ({"rounding": "up"}, "rounding"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Uniform(**options)
