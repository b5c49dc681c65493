"""No update that is accepted may make the next round refuse the rest, and no honest one is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.aggregation import Combiner, Update
from fedprune.federation.server.outliers import FAR, NEAR, Change, least_norms, outliers
from fedprune.pruning.mask import Mask
from fedprune.types import Array, Arrays

SHAPES = {"fc.weight": (6, 5), "fc.bias": (5,), "bn.running_var": (5,)}
INITIAL: Arrays = {
    "fc.weight": np.random.default_rng(0).normal(0, 0.1, (6, 5)).astype(np.float32),
    "fc.bias": np.zeros(5, np.float32),
    "bn.running_var": np.ones(5, np.float32),
}
LEAST = least_norms(SHAPES, INITIAL)
MAGNITUDES = st.sampled_from([0.0, 1e-6, 0.5, 3.0, 40.0, 1e3, 9e5, 1e8])
"""What liars make of their values; 9e5 is just below the limit that there once was."""


def unit(rng: np.random.Generator, shape: tuple[int, ...], held: Any = True) -> Array:
    """A direction: an array of norm 1, zero where it is not held."""
    drawn = np.where(held, rng.normal(size=shape), 0)
    return np.asarray(drawn / max(float(np.linalg.norm(drawn)), 1e-12))


def moved(client: int, sent: Arrays, rng: np.random.Generator, steps: dict[str, float]) -> Change:
    """A reply whose change of each array has this norm; of a variance, that of its square roots.

    Its client holds some of every array: of what it does not hold it cannot say how it changes.
    """
    held = rng.random(SHAPES["fc.weight"]) < rng.choice([0.1, 0.6, 1.0])
    held[rng.integers(6), rng.integers(5)] = True
    mask = Mask({"fc.weight": held})
    arrays = {}
    for name, value in sent.items():
        held = mask.get(name, np.ones(value.shape, np.bool_))
        step = steps[name] * unit(rng, value.shape, held)
        if name == "bn.running_var":
            arrays[name] = ((np.sqrt(value) + np.abs(step)) ** 2).astype(np.float32)
        else:
            arrays[name] = np.where(held, value + step, 0).astype(np.float32)
    return Change(Update(client, 10, arrays, mask), sent)


def lie(client: int, sent: Arrays, rng: np.random.Generator, magnitude: float) -> Change:
    """A reply of anything at all, whole arrays or a single value."""
    mask = Mask({"fc.weight": rng.random(SHAPES["fc.weight"]) < rng.choice([0.0, 0.6, 1.0])})
    arrays = {}
    for name, value in sent.items():
        there = rng.random(value.shape) < rng.choice([0.1, 1.0])
        drawn = np.where(there, magnitude * rng.choice([-1, 1], value.shape), value)
        drawn = np.abs(drawn) if name == "bn.running_var" else drawn
        arrays[name] = np.where(mask.get(name, np.True_), drawn, 0).astype(np.float32)
    return Change(Update(client, 10, arrays, mask), sent)


def size(name: str, value: Array) -> float:
    shown = np.sqrt(value) if name == "bn.running_var" else value
    return float(np.linalg.norm(shown.astype(np.float64)))


@settings(derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    aggregator=st.sampled_from(plugins.names("aggregators")),
    optimizer=st.sampled_from(plugins.names("server_optimizers")),
    honest=st.integers(1, 4),
    lies=st.lists(MAGNITUDES, max_size=6),
    reach=st.floats(0, 0.99 * NEAR),
    seed=st.integers(0, 2**32),
)
def test_whatever_was_accepted_a_client_that_trains_on_from_it_is_never_refused(
    aggregator: str, optimizer: str, honest: int, lies: list[float], reach: float, seed: int
) -> None:
    rng, weights, moments = np.random.default_rng(seed), INITIAL, {}
    combiner = Combiner(
        plugins.dataclass_of("aggregators", aggregator)(),
        plugins.dataclass_of("server_optimizers", optimizer)(),
        frozenset({"bn.running_var"}),
    )
    for _ in range(4):
        steps = {name: reach * max(LEAST[name], size(name, value)) for name, value in weights.items()}
        replies = [moved(client, weights, rng, steps) for client in range(honest)]
        replies += [lie(honest + at, weights, rng, magnitude) for at, magnitude in enumerate(lies)]
        refused = outliers(replies, LEAST)
        assert not refused.keys() & set(range(honest)), refused
        accepted = [reply.update for reply in replies if reply.update.client not in refused]
        weights = combiner.combine(weights, accepted, moments, over="holders", weighted=True)
        assert all(np.isfinite(value).all() for value in weights.values())


@settings(derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    scale=st.sampled_from([1e-4, 1.0, 1e3, 1e6]),
    spread=st.lists(st.floats(1, 0.9 * FAR), min_size=2, max_size=6),
    lies=st.lists(MAGNITUDES, max_size=5),
    seed=st.integers(0, 2**32),
)
def test_of_a_majority_that_changes_alike_nobody_is_refused_and_no_lie_goes_far_beyond_it(
    scale: float, spread: list[float], lies: list[float], seed: int
) -> None:
    rng, lies = np.random.default_rng(seed), lies[: len(spread) - 1]
    sizes = [dict.fromkeys(SHAPES, scale * factor) for factor in spread]
    replies = [moved(client, INITIAL, rng, steps) for client, steps in enumerate(sizes)]
    liars = [lie(len(spread) + at, INITIAL, rng, magnitude) for at, magnitude in enumerate(lies)]
    refused = outliers([*replies, *liars], LEAST)
    assert not refused.keys() & set(range(len(spread))), refused
    for reply in liars:
        if reply.update.client in refused:
            continue
        for name, value in reply.update.arrays.items():
            near = NEAR * max(LEAST[name], size(name, INITIAL[name]))
            far = FAR * scale * max(spread) * 1.001
            assert size(name, value) <= max(near, far) + size(name, INITIAL[name])


def test_a_lie_is_refused_with_the_array_its_norm_and_the_limit() -> None:
    rng = np.random.default_rng(0)
    replies = [moved(client, INITIAL, rng, dict.fromkeys(SHAPES, 0.1)) for client in range(3)]
    liar = lie(3, INITIAL, rng, 0.0)
    liar.update.arrays["fc.bias"][:] = [9e5, 0, 0, 0, 0]
    found = outliers([*replies, liar], LEAST)
    assert found.keys() == {3}
    limit = NEAR * math.sqrt(5)
    assert found[3].startswith(f"fc.bias: a change of norm 9e+05, {limit:.3g} is the limit in this round")


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_what_has_no_initial_value_is_compared_with_ones(shape: tuple[int, ...]) -> None:
    assert least_norms({"new": shape}, {}) == {"new": math.sqrt(math.prod(shape))}


def test_a_client_alone_may_change_as_it_likes_within_a_wide_limit() -> None:
    alone = moved(0, INITIAL, np.random.default_rng(0), dict.fromkeys(SHAPES, 9e5))
    assert not outliers([alone], LEAST)
    beyond = moved(0, INITIAL, np.random.default_rng(0), dict.fromkeys(SHAPES, 2e6))
    assert outliers([beyond], LEAST).keys() == {0}
