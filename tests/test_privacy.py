"""Epsilon against its closed form, and how much noise a round's combined model holds."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest

from fedprune.privacy import Participation, check_library, epsilon, guarantee, least_multiplier
from fedprune.types import UserError
from fedprune.updates.clip import Clip
from fedprune.updates.gaussian_noise import GaussianNoise

CHAIN = [Clip(), GaussianNoise(2.0, 1e-4)]


def test_with_every_client_in_one_round_it_is_near_that_of_the_gaussian_mechanism() -> None:
    # rho = (sensitivity / deviation)^2 / 2, at a sensitivity of two norms (Mironov 2017, Proposition 3).
    rho = (2 / 4.0) ** 2 / 2
    closed = rho + 2 * math.sqrt(rho * math.log(1e5))
    found = epsilon(4.0, 1e-5, Participation(clients=50, sampled=50, rounds=1))
    assert 0.75 * closed < found <= closed


def test_more_noise_fewer_rounds_and_rarer_sampling_give_a_smaller_epsilon() -> None:
    usual = epsilon(2.0, 1e-5, Participation(100, 10, 20))
    assert epsilon(4.0, 1e-5, Participation(100, 10, 20)) < usual
    assert epsilon(2.0, 1e-5, Participation(100, 10, 10)) < usual
    assert epsilon(2.0, 1e-5, Participation(100, 5, 20)) < usual
    assert epsilon(2.0, 1e-3, Participation(100, 10, 20)) < usual


def test_a_mean_of_equal_clients_holds_the_noise_of_all() -> None:
    assert least_multiplier(0.5, [20] * 30, 16, summed=True) == pytest.approx(2.0)


def test_no_choice_of_clients_and_weights_has_less_noise_than_is_accounted_for() -> None:
    rng = np.random.default_rng(0)
    samples = rng.integers(1, 50, 12).tolist()
    least = least_multiplier(1.0, samples, 4, summed=True)
    for _ in range(500):
        chosen = np.array(samples)[rng.choice(12, 4, replace=False)]
        assert math.sqrt(float(np.sum(chosen**2))) / chosen.max() >= least - 1e-12


def test_where_a_coordinate_may_have_one_holder_only_its_own_noise_counts() -> None:
    assert least_multiplier(0.5, [20] * 30, 16, summed=False) == 0.5


def test_the_chains_guarantee_is_that_of_its_noise() -> None:
    assert guarantee(CHAIN) == CHAIN[1].guarantee()
    assert guarantee([Clip()]) is None


def test_a_missing_accountant_is_said_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    check_library(CHAIN)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_library([Clip()])
    with pytest.raises(UserError, match=r"pip install '\.\[privacy\]' in the checkout"):
        check_library(CHAIN)
