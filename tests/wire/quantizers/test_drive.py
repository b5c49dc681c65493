"""DRIVE: a bit a value, right in the mean or of the least squared error."""

import numpy as np
import pytest

from fedprune.wire.quantizers.drive import Drive

from .toy import assert_unbiased, decode, encode, relative_error, there_and_back, whole


@pytest.mark.parametrize("size", [512, 700])
def test_the_unbiased_scale_is_unbiased(size: int) -> None:
    assert_unbiased(Drive(), np.random.default_rng(5).laplace(size=size).astype(np.float32))


def test_the_mse_scale_is_biased_and_the_test_sees_it() -> None:
    values = np.random.default_rng(5).laplace(size=512).astype(np.float32)
    with pytest.raises(AssertionError):
        assert_unbiased(Drive("mse"), values, trials=50)


def test_errors_are_those_of_the_paper() -> None:
    # Section 4: pi / 2 - 1 and 1 - 2 / pi in the limit, whatever the values.
    values = np.random.default_rng(6).lognormal(size=1 << 16).astype(np.float32)
    assert relative_error(there_and_back(Drive(), values), values) == pytest.approx(np.pi / 2 - 1, rel=0.02)
    assert relative_error(there_and_back(Drive("mse"), values), values) == pytest.approx(
        1 - 2 / np.pi, rel=0.02
    )


def test_a_bit_a_value_and_little_else() -> None:
    slots = [whole(6, 75), whole(400, 120)]
    (alphabet,) = Drive().alphabets(slots)
    assert alphabet.levels == 2
    assert alphabet.count + 8 * Drive().side_bytes(slots) <= 1.02 * (450 + 48_000)


def test_both_sides_must_have_the_same_key() -> None:
    values, slots = [np.random.default_rng(7).standard_normal(1000).astype(np.float32)], [whole(1000)]
    quantized = encode(Drive(), values, slots, seed=1)
    assert relative_error(decode(Drive(), quantized, slots, seed=1)[0], values[0]) < 0.7
    assert relative_error(decode(Drive(), quantized, slots, seed=2)[0], values[0]) > 1.5


def test_one_value_comes_back_as_it_was() -> None:
    assert there_and_back(Drive(), np.array([-0.3], np.float32)) == np.float32(-0.3)


def test_scales_it_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^scale: "):
        Drive("best")  # type: ignore[arg-type]
