"""EDEN: right in the mean at any rate, and as exact as the paper says."""

import numpy as np
import pytest

from fedprune.wire.quantizers.eden import Eden, _normal_levels

from .toy import assert_unbiased, relative_error, there_and_back, whole


@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0, 4.0])
def test_every_rate_is_unbiased(rate: float) -> None:
    assert_unbiased(Eden(rate), np.random.default_rng(8).laplace(size=700).astype(np.float32))


@pytest.mark.parametrize(
    ("bits", "levels", "error"),
    [
        (1, [0.7979], 0.3634),
        (2, [0.4528, 1.510], 0.1175),
        (3, [0.2451, 0.7560, 1.344, 2.152], 0.03454),
        (4, [0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733], 0.009497),
    ],
)
def test_levels_and_errors_are_those_of_max(bits: int, levels: list[float], error: float) -> None:
    """Joel Max, "Quantizing for Minimum Distortion", 1960, table I."""
    ours = _normal_levels(bits)
    assert ours[1 << (bits - 1) :] == pytest.approx(levels, rel=5e-4)
    assert (ours == -ours[::-1]).all()
    # Unbiased scaling makes D / (1 - D) of the least squared error D.
    values = np.random.default_rng(9).lognormal(size=1 << 16).astype(np.float32)
    measured = relative_error(there_and_back(Eden(float(bits)), values), values)
    assert measured == pytest.approx(error / (1 - error), rel=0.03)


def test_below_one_bit_fewer_coordinates_travel_and_the_error_grows_as_it_must() -> None:
    values = np.random.default_rng(10).standard_normal(1 << 16).astype(np.float32)
    for rate in (0.5, 0.1):
        (alphabet,) = Eden(rate).alphabets([whole(values.size)])
        assert alphabet.count == round(rate * values.size)
        # (1 / rate) pi / 2 - 1: one bit's second moment, more of it as fewer carry it.
        error = relative_error(there_and_back(Eden(rate), values), values)
        assert error == pytest.approx(np.pi / 2 / rate - 1, rel=0.03)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.5, 5.0, float("nan")])
def test_rates_it_does_not_have_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"^rate: "):
        Eden(rate)
