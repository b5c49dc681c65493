"""prune_to: steps towards a target that is met exactly and never overshot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.pruning.budget import Prune, prune_to
from fedprune.pruning.criteria import magnitude
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays

BOTH = pytest.mark.parametrize("prune", [magnitude.prune, magnitude.prune_global])
quick = settings(derandomize=True, deadline=None, max_examples=60)
sizes = st.lists(st.integers(1, 60), min_size=1, max_size=6)
shares = st.floats(0, 1)


def example(sizes: list[int], seed: int = 0) -> tuple[Arrays, int]:
    rng = np.random.default_rng(seed)
    weights = {f"w{at}": rng.normal(size=size).astype(np.float32) for at, size in enumerate(sizes)}
    return weights, sum(sizes)


@BOTH
@quick
@given(sizes=sizes, step=st.floats(0.05, 1), target=shares)
def test_no_step_overshoots_the_target_or_revives_a_weight(
    prune: Prune, sizes: list[int], step: float, target: float
) -> None:
    weights, size = example(sizes)
    mask, names = Mask.ones({name: value.shape for name, value in weights.items()}), list(weights)
    for _ in range(8):
        after = prune_to(prune, weights, mask, step, target, names, size)
        assert after.is_subset(mask)
        assert after.size - after.kept <= round(target * size)
        mask = after


@BOTH
@quick
@given(sizes=sizes, pruned=shares, target=shares)
def test_one_whole_step_meets_the_target_from_anywhere_below(
    prune: Prune, sizes: list[int], pruned: float, target: float
) -> None:
    weights, size = example(sizes)
    names = list(weights)
    start = prune(weights, Mask(), pruned, names)
    after = prune_to(prune, weights, start, 1.0, target, names, size)
    assert after.size - after.kept == max(start.size - start.kept, round(target * size))


def test_a_step_far_from_the_target_prunes_its_share_of_what_is_alive() -> None:
    weights, size = example([100, 50])
    first = prune_to(magnitude.prune, weights, Mask(), 0.1, 0.5, ["w0", "w1"], size)
    second = prune_to(magnitude.prune, weights, first, 0.1, 0.5, ["w0", "w1"], size)
    assert [first.kept, second.kept] == [90 + 45, 81 + 41]


def test_the_last_step_takes_the_same_share_of_every_layer() -> None:
    weights, size = example([1000, 500])
    mask = prune_to(magnitude.prune, weights, Mask(), 0.5, 0.1, ["w0", "w1"], size)
    assert mask.densities() == {"w0": 0.9, "w1": 0.9}


def test_a_target_already_met_returns_the_mask_itself() -> None:
    weights, size = example([10, 10])
    mask = Mask({"w0": np.zeros(10, np.bool_)})
    assert prune_to(magnitude.prune, weights, mask, 0.1, 0.5, ["w0", "w1"], size) is mask
    assert prune_to(magnitude.prune, weights, mask, 0.1, 0.3, ["w0", "w1"], size) is mask


def test_the_paper_model_ends_at_the_rounded_target() -> None:
    sizes = [450, 2400, 48_000, 10_080, 840]
    weights, size = example(sizes)
    mask, steps = Mask(), 0
    while (after := prune_to(magnitude.prune, weights, mask, 0.1, 0.5, list(weights), size)) is not mask:
        mask, steps = after, steps + 1
    assert size - mask.kept == round(0.5 * size)
    assert steps == 7


@pytest.mark.parametrize(("step", "target"), [(-0.1, 0.5), (0.1, 1.5)])
def test_shares_outside_zero_and_one_are_refused(step: float, target: float) -> None:
    weights, size = example([4])
    with pytest.raises(ValueError, match="between 0 and 1"):
        prune_to(magnitude.prune, weights, Mask(), step, target, ["w0"], size)
