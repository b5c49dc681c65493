"""Units and who goes first, worked out by hand; and that nothing is revived."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.models import architecture
from fedprune.pruning.granularity import Granularity, Scope, pools, prune_units
from fedprune.pruning.groups import ChannelGroup, alive_channels
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, UserError

quick = settings(derandomize=True, deadline=None, max_examples=30)
RESIDUAL = architecture("resnet20", (1, 8, 8), 4, {"width": 0.25})
SHAPES = {"conv": (2, 2, 1, 2), "fc": (1, 4)}
IMPORTANCE: Arrays = {
    "conv": np.array([[9, 0, 4, 3], [1, 1, 5, 5]], np.float64).reshape(2, 2, 1, 2),
    "fc": np.array([[2.0, 8, 6, 7]]),
}


def pruned(granularity: Granularity, sparsity: float, scope: Scope) -> dict[str, list[bool]]:
    units = pools(granularity, tuple(SHAPES), ())
    mask = prune_units(Mask(), units, IMPORTANCE, sparsity, scope, SHAPES)
    return {name: mask[name].reshape(-1).tolist() for name in mask}


def places(dead: set[int], size: int) -> list[bool]:
    return [place not in dead for place in range(size)]


def test_weights_go_one_by_one_in_each_layer() -> None:
    assert pruned("weight", 0.5, "layer") == {"conv": places({1, 4, 5, 3}, 8), "fc": places({0, 2}, 4)}


def test_weights_of_all_layers_compete_in_the_global_scope() -> None:
    assert pruned("weight", 0.5, "global") == {"conv": places({1, 4, 5, 3, 2}, 8), "fc": places({0}, 4)}


def test_kernels_go_whole_by_their_mean_and_linear_weights_singly() -> None:
    # Means of the kernels: 4.5, 3.5, 1, 5.
    assert pruned("kernel", 0.5, "layer") == {"conv": places({2, 3, 4, 5}, 8), "fc": places({0, 2}, 4)}
    assert pruned("kernel", 0.25, "global") == {"conv": places({4, 5}, 8), "fc": places({0}, 4)}


def test_ties_go_by_index_and_the_last_of_a_layer_stays() -> None:
    units, shapes = pools("weight", ("a", "b"), ()), {"a": (3,), "b": (2,)}
    equal = {name: np.ones(shape) for name, shape in shapes.items()}
    mask = prune_units(Mask(), units, equal, 0.5, "global", shapes)
    assert mask["a"].tolist() == [False, False, True]
    assert "b" not in mask
    most = prune_units(Mask(), units, equal, 1.0, "layer", shapes)
    assert {name: most[name].tolist() for name in most} == {"a": [False, False, True], "b": [False, True]}


def test_what_is_not_a_number_goes_last() -> None:
    scores = {"a": np.array([np.nan, 2, 1, 3])}
    mask = prune_units(Mask(), pools("weight", ("a",), ()), scores, 0.5, "layer", {"a": (4,)})
    assert mask["a"].tolist() == [True, False, False, True]


def test_channels_go_with_all_members_by_the_mean_of_their_rows() -> None:
    group = ChannelGroup("conv", "conv", 2, (("conv", 0, 1), ("bias", 0, 1), ("fc", 1, 2)), ())
    shapes = {**SHAPES, "bias": (2,)}
    mask = prune_units(Mask(), pools("channel", ("conv", "fc"), (group,)), IMPORTANCE, 0.5, "layer", shapes)
    # Means of the rows: 4 and 3.
    assert mask["bias"].tolist() == [True, False]
    assert mask["conv"][1].sum() == 0
    assert mask["fc"].tolist() == [[True, True, False, False]]


def test_layers_that_the_criterion_does_not_speak_of_stay_and_do_not_count() -> None:
    units = pools("weight", tuple(SHAPES), ())
    mask = prune_units(Mask(), units, {"fc": IMPORTANCE["fc"]}, 0.5, "global", SHAPES)
    assert {name: mask[name].tolist() for name in mask} == {"fc": [[False, True, False, True]]}


def test_the_least_important_blocks_go_and_their_shortcuts_stay() -> None:
    importance = {name: np.ones(RESIDUAL.shapes[name]) for name in RESIDUAL.prunable}
    for layer in ("stage1block2.conv1", "stage1block2.conv2", "stage2block1.conv1", "stage2block1.conv2"):
        importance[f"{layer}.weight"] *= 0.5
    units = pools("layer", RESIDUAL.prunable, RESIDUAL.groups)
    mask = prune_units(Mask(), units, importance, 2 / 9, "layer", RESIDUAL.shapes)
    empty = {name for name in mask if name in RESIDUAL.prunable and not mask[name].any()}
    assert empty == {
        f"stage{stage}.{conv}.weight" for stage in ("1block2", "2block1") for conv in ("conv1", "conv2")
    }
    assert "stage2block1.shortcut.conv.weight" not in mask


@pytest.mark.parametrize(("granularity", "advice"), [("layer", "resnet20"), ("channel", "use 'weight'")])
def test_a_model_without_such_units_is_refused(granularity: Granularity, advice: str) -> None:
    with pytest.raises(UserError, match=rf"granularity '{granularity}'.*{advice}"):
        pools(granularity, ("w",), ())


@quick
@given(
    seed=st.integers(0, 1000),
    kinds=st.lists(st.sampled_from(["weight", "kernel", "channel", "layer"]), min_size=2, max_size=2),
    scope=st.sampled_from(["layer", "global"]),
    sparsity=st.floats(0, 1),
)
def test_one_kind_after_another_only_shrinks_and_repeating_changes_nothing(
    seed: int, kinds: list[Granularity], scope: Scope, sparsity: float
) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    importance = {name: rng.random(RESIDUAL.shapes[name]) for name in RESIDUAL.prunable}
    mask = Mask()
    for kind in kinds:
        units = pools(kind, RESIDUAL.prunable, RESIDUAL.groups)
        alive = [pool.alive(mask, RESIDUAL.shapes).any() for pool in units]
        after = prune_units(mask, units, importance, sparsity, scope, RESIDUAL.shapes)
        assert after.is_subset(mask)
        assert [pool.alive(after, RESIDUAL.shapes).any() for pool in units] == alive
        assert prune_units(after, units, importance, sparsity, scope, RESIDUAL.shapes) == after
        mask = after


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        pruned("weight", 1.5, "layer")


def test_channels_and_masks_agree_on_who_is_dead() -> None:
    importance = {name: np.ones(RESIDUAL.shapes[name]) for name in RESIDUAL.prunable}
    units = pools("channel", RESIDUAL.prunable, RESIDUAL.groups)
    mask = prune_units(Mask(), units, importance, 0.5, "layer", RESIDUAL.shapes)
    assert all(alive_channels(group, mask).sum() == group.size // 2 for group in RESIDUAL.groups)
