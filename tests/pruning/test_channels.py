"""Structured pruning of channels by score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.models import architecture
from fedprune.pruning.channels import prune_channels, prune_channels_to
from fedprune.pruning.criteria import batch_norm, filter_l2
from fedprune.pruning.groups import alive_channels
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.pruning.select import share_of
from fedprune.types import Arrays

LENET = architecture("lenet5", (1, 28, 28), 10, {"batch_norm": True})
CONVOLUTIONS = [group for group in LENET.groups if group.kind == "conv"]
quick = settings(derandomize=True, deadline=None, max_examples=30)


def weights_of(seed: int) -> Arrays:
    weights = LENET.initial_weights(seed)
    rng = np.random.default_rng(seed)
    for name in ("bn1.weight", "bn2.weight"):
        weights[name] = rng.integers(-3, 4, weights[name].shape).astype(np.float32)
    return weights


@quick
@given(st.integers(0, 100), st.floats(0, 1), st.integers(1, 4))
def test_the_floor_of_the_share_dies_but_never_the_last_channels(
    seed: int, amount: float, floor: int
) -> None:
    weights = weights_of(seed)
    mask = prune_channels(weights, Mask(), CONVOLUTIONS, LENET.shapes, amount, batch_norm.score, floor)
    for group in CONVOLUTIONS:
        alive = alive_channels(group, mask)
        assert alive.sum() == group.size - min(share_of(amount, group.size), group.size - floor)
        scores = batch_norm.score(weights, group)
        assert alive.all() or scores[alive].min() >= scores[~alive].max()


@quick
@given(st.floats(0, 1), st.integers(1, 9))
def test_as_many_more_channels_stay_as_make_a_multiple(amount: float, multiple: int) -> None:
    weights = weights_of(0)

    def left(multiple: int) -> list[int]:
        mask = prune_channels(
            weights, Mask(), LENET.groups, LENET.shapes, amount, filter_l2.score, multiple=multiple
        )
        return [int(alive_channels(group, mask).sum()) for group in LENET.groups]

    for group, one_by_one, in_lots in zip(LENET.groups, left(1), left(multiple), strict=True):
        assert in_lots == min(group.size, -(-one_by_one // multiple) * multiple)


@quick
@given(st.integers(0, 100), st.floats(0, 1), st.floats(0, 1))
def test_channels_stay_dead_and_a_repeated_call_changes_nothing(
    seed: int, first: float, second: float
) -> None:
    weights = weights_of(seed)

    def prune(mask: Mask, amount: float, by: int) -> Mask:
        score = (batch_norm.score, filter_l2.score)[by]
        return prune_channels(weights, mask, CONVOLUTIONS, LENET.shapes, amount, score)

    once = prune(Mask(), first, 0)
    assert prune(once, first, 1) == once
    twice = prune(once, second, 1)
    assert twice.is_subset(once)
    for group in CONVOLUTIONS:
        wanted = min(share_of(max(first, second), group.size), group.size - 1)
        assert (~alive_channels(group, twice)).sum() == wanted


def test_ties_go_by_index() -> None:
    weights = LENET.initial_weights(0)
    mask = prune_channels(weights, Mask(), CONVOLUTIONS, LENET.shapes, 0.5, batch_norm.score)
    assert alive_channels(CONVOLUTIONS[0], mask).tolist() == [False] * 3 + [True] * 3


def test_the_authors_quantile_leaves_four_and_nine_filters_of_lenet5() -> None:
    weights = weights_of(0)
    mask = prune_channels(weights, Mask(), CONVOLUTIONS, LENET.shapes, 0.45, batch_norm.score)
    assert [int(alive_channels(group, mask).sum()) for group in CONVOLUTIONS] == [4, 9]


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        prune_channels(weights_of(0), Mask(), CONVOLUTIONS, LENET.shapes, 1.5, filter_l2.score)


@quick
@given(st.integers(0, 100), st.floats(0, 1))
def test_a_step_towards_a_target_is_the_first_amount_that_does_not_overshoot_it(
    seed: int, target: float
) -> None:
    weights, amounts = weights_of(seed), (0.9, 0.6, 0.3)
    start = prune_channels(weights, Mask(), CONVOLUTIONS, LENET.shapes, 0.2, batch_norm.score)
    found = prune_channels_to(
        weights, start, CONVOLUTIONS, LENET.shapes, amounts, batch_norm.score, target, LENET.prunable
    )
    steps = [
        prune_channels(weights, start, CONVOLUTIONS, LENET.shapes, amount, batch_norm.score)
        for amount in amounts
    ]
    counted = {name: LENET.shapes[name] for name in LENET.prunable}
    size = sum(kept_counts(Mask(), counted))
    fit = [step for step in steps if size - sum(kept_counts(step, counted)) <= round(target * size)]
    assert found == (fit[0] if fit else start)


def test_a_step_towards_a_target_counts_weights_and_no_biases() -> None:
    names = [name for name in LENET.prunable if name.startswith("conv")]
    size = sum(kept_counts(Mask(), {name: LENET.shapes[name] for name in names}))
    # Half of LeNet-5's filters are 1/2 of the first layer's weights and 3/4 of the second's.
    pruned = 6 * 25 // 2 + 3 * (16 * 6 * 25) // 4
    for count, prunes in ((pruned, True), (pruned - 1, False)):
        mask = prune_channels_to(
            weights_of(0),
            Mask(),
            CONVOLUTIONS,
            LENET.shapes,
            (0.5,),
            filter_l2.score,
            count / size,
            names,
        )
        assert (mask != Mask()) == prunes


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_half_of_every_group_of_a_residual_net_goes_by_either_score(norm: str) -> None:
    made = architecture("resnet20", (3, 8, 8), 10, {"norm": norm})
    weights = made.initial_weights(0)
    for score in (batch_norm.score, filter_l2.score):
        mask = prune_channels(weights, Mask(), made.channels("conv"), made.shapes, 0.5, score)
        assert [int(alive_channels(group, mask).sum()) for group in made.groups] == [
            group.size // 2 for group in made.groups
        ]
