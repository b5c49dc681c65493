"""Clip and Gaussian noise: the norm and the deviation that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.pruning.mask import Mask
from fedprune.updates import Change, complaints
from fedprune.updates.clip import Clip
from fedprune.updates.gaussian_noise import GaussianNoise


def change(*values: float, bound: float | None = None) -> Change:
    half = len(values) // 2
    parts = np.array(values[:half]), np.array(values[half:])
    return Change({"a": parts[0], "b": parts[1]}, Mask(), bound)


def test_an_update_above_the_norm_is_scaled_to_it_over_all_arrays_together() -> None:
    found = Clip(norm=1.0).apply(change(3.0, 4.0), np.random.default_rng(0))
    np.testing.assert_allclose([found.arrays["a"][0], found.arrays["b"][0]], [0.6, 0.8])
    assert found.bound == 1.0


@pytest.mark.parametrize("values", [(0.3, 0.4), (0.0, 0.0)])
def test_an_update_within_the_norm_passes_to_the_bit(values: tuple[float, float]) -> None:
    found = Clip(norm=1.0).apply(change(*values), np.random.default_rng(0))
    assert (found.arrays["a"][0], found.arrays["b"][0]) == values


def test_noise_has_the_asked_deviation_times_the_norm_and_no_mean() -> None:
    still = Change({"a": np.zeros(200_000)}, Mask(), bound=0.5)
    noise = GaussianNoise(multiplier=3.0).apply(still, np.random.default_rng(0)).arrays["a"]
    assert noise.std() == pytest.approx(1.5, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.02)


def test_noise_without_a_clip_right_before_it_is_refused_with_its_place() -> None:
    clip, noise = Clip(), GaussianNoise()
    assert list(complaints([clip, noise])) == []
    ((number, what),) = complaints([noise])
    assert (number, what.startswith("needs an update of bounded norm")) == (1, True)
    assert [number for number, _ in complaints([clip, noise, noise])] == [3]


@pytest.mark.parametrize("wrong", [{"multiplier": 0.0}, {"delta": 1.0}])
def test_noises_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        GaussianNoise(**wrong)


def test_a_norm_of_zero_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="norm: must be greater"):
        Clip(norm=0.0)
