"""Frozen random networks: signed constants, and masks drawn from probabilities without bias."""

from __future__ import annotations

import math

import numpy as np

from fedprune.models import architecture
from fedprune.pruning.random_networks import drawn, frozen, likely


def test_weights_become_signed_constants_of_their_fan_in_and_biases_zero() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    initial = made.initial_weights(0)
    fixed = frozen(initial, made.prunable)
    for name, fan_in in {"conv1.weight": 9, "conv2.weight": 16 * 9, "fc2.weight": 64}.items():
        np.testing.assert_allclose(np.abs(fixed[name]), math.sqrt(2 / fan_in), rtol=1e-6)
        np.testing.assert_array_equal(fixed[name] > 0, initial[name] > 0)
    assert not fixed["fc1.bias"].any()
    assert not any(name.startswith("bn") and not name.endswith("bias") for name in fixed)
    assert all(value.dtype == np.float32 for value in fixed.values())


def test_what_is_as_likely_as_not_is_kept() -> None:
    np.testing.assert_array_equal(likely({"w": np.array([0.49, 0.5, 0.51])})["w"], [False, True, True])


def test_coordinates_are_drawn_with_their_own_probability_and_independently() -> None:
    probabilities, trials = np.array([0.0, 0.01, 0.3, 0.5, 1.0]), 20_000
    theta = np.broadcast_to(probabilities, (trials, 5))
    kept = drawn({"w": theta}, np.random.default_rng(0))["w"]
    deviation = np.sqrt(probabilities * (1 - probabilities) / trials)
    assert (np.abs(kept.mean(axis=0) - probabilities) <= 4 * deviation).all()
    assert abs(np.corrcoef(kept[:, 2], kept[:, 3])[0, 1]) < 4 / math.sqrt(trials)
