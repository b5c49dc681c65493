from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedprune.data.split import divide_test, hold_out, last_tenth

SHARE = st.sampled_from([0.0, 0.1, 0.29, 0.5, 0.99])


@given(sizes=st.lists(st.integers(1, 120), min_size=1, max_size=5), share=SHARE, seed=st.integers(0, 3))
@settings(derandomize=True, deadline=None)
def test_training_and_validation_are_the_clients_samples(sizes: list[int], share: float, seed: int) -> None:
    cuts = np.cumsum([0, *sizes])
    mixed = np.random.default_rng(seed).permutation(cuts[-1])
    samples = [mixed[start:end] for start, end in pairwise(cuts)]
    training, validation = hold_out(samples, share, seed)
    for own, kept, held in zip(samples, training, validation, strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.sort(own))
        assert len(held) == round(share * 100) * len(own) // 100
        assert len(kept) >= 1
        assert (np.diff(kept) > 0).all()
        assert (np.diff(held) > 0).all()


def test_held_out_samples_depend_on_the_seed_and_not_on_the_order_given() -> None:
    samples = np.arange(50)
    held = hold_out([samples], 0.2, 0)[1][0]
    np.testing.assert_array_equal(held, hold_out([samples[::-1]], 0.2, 0)[1][0])
    assert not np.array_equal(held, hold_out([samples], 0.2, 1)[1][0])


@given(
    histogram=arrays(np.int64, st.tuples(st.integers(1, 8), st.just(4)), elements=st.integers(0, 20)),
    tests=arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 3)),
)
@settings(derandomize=True, deadline=None)
def test_test_samples_go_to_clients_in_proportion(
    histogram: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    tests: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> None:
    dealt = divide_test(histogram, tests, 0)
    assert len(dealt) == len(histogram)
    everything = np.sort(np.concatenate(dealt))
    np.testing.assert_array_equal(everything, np.flatnonzero(histogram.sum(0)[tests] > 0))
    for label in range(4):
        total = histogram[:, label].sum()
        for own, weight in zip(dealt, histogram[:, label], strict=True):
            quota = weight / total * (tests == label).sum() if total else 0
            assert abs((tests[own] == label).sum() - quota) < 1


def test_scarce_test_samples_do_not_favour_the_first_clients() -> None:
    dealt = divide_test(np.ones((1000, 1), np.int64), np.zeros(100, np.int64), 0)
    lucky = [client for client, own in enumerate(dealt) if len(own)]
    assert len(lucky) == 100
    assert 300 < np.mean(lucky) < 700


@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=6), gap=st.integers(0, 20))
@settings(derandomize=True, deadline=None)
def test_the_last_tenth_comes_after_a_gap_and_leaves_a_sample_for_training(
    counts: list[int], gap: int
) -> None:
    owners = np.repeat(np.arange(len(counts)), counts)
    training, test = last_tenth(owners, gap)
    for owner, count in enumerate(counts):
        learned, tested = (np.flatnonzero(part[owners == owner]) for part in (training, test))
        assert len(learned) >= 1
        if len(tested):
            assert len(tested) == count // 10
            assert tested[-1] == count - 1
            assert tested[0] - learned[-1] == gap + 1
        else:
            assert len(learned) == count
            assert count < 10 or count - count // 10 <= gap
