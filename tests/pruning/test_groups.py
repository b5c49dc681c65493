"""Channels under a mask: dead only when nothing of them is left."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedprune.models import architecture
from fedprune.pruning.groups import alive_channels, channel_mask
from fedprune.pruning.mask import Mask

LENET = architecture("lenet5", (1, 28, 28), 10, {"batch_norm": True})
quick = settings(derandomize=True, deadline=None, max_examples=30)


def test_an_empty_mask_leaves_every_channel_alive() -> None:
    assert all(alive_channels(group, Mask()).all() for group in LENET.groups)


@quick
@given(arrays(np.bool_, 16))
def test_dead_channels_are_those_that_were_removed(alive: np.ndarray) -> None:
    group = LENET.groups[1]
    mask = channel_mask(group, alive, Mask(), LENET.shapes)
    np.testing.assert_array_equal(alive_channels(group, mask), alive)


@quick
@given(arrays(np.bool_, 16), st.integers(0, 1000))
def test_removing_channels_prunes_their_slices_and_nothing_else(alive: np.ndarray, seed: int) -> None:
    group = LENET.groups[1]
    before = Mask({"fc1.weight": np.random.default_rng(seed).random((120, 256)) < 0.5})
    mask = channel_mask(group, alive, before, LENET.shapes)
    assert mask.is_subset(before)
    if alive.all():
        assert mask == before
        return
    np.testing.assert_array_equal(
        mask["conv2.weight"], np.broadcast_to(alive[:, None, None, None], (16, 6, 5, 5))
    )
    for name in ("conv2.bias", "bn2.weight", "bn2.bias", "bn2.running_mean", "bn2.running_var"):
        np.testing.assert_array_equal(mask[name], alive)
    np.testing.assert_array_equal(mask["fc1.weight"], before["fc1.weight"] & np.repeat(alive, 16))


def test_a_filter_without_weights_is_alive_while_its_bias_is() -> None:
    group = LENET.groups[0]
    filters = np.ones((6, 1, 5, 5), np.bool_)
    filters[2] = False
    assert alive_channels(group, Mask({"conv1.weight": filters})).all()


def test_the_given_mask_is_left_alone() -> None:
    before = Mask.ones(LENET.shapes)
    channel_mask(LENET.groups[0], np.zeros(6, np.bool_), before, LENET.shapes)
    assert before.density == 1.0


RESNET = architecture("resnet20", (3, 8, 8), 10, {"norm": "group"})


@quick
@given(st.integers(0, 1000))
def test_channels_of_a_residual_net_die_in_all_layers_that_compute_them_or_not_at_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stem = RESNET.groups[0]
    alive = rng.random(stem.size) < 0.5
    mask = channel_mask(stem, alive, Mask(), RESNET.shapes)
    np.testing.assert_array_equal(alive_channels(stem, mask), alive)
    if not alive.all():
        # What one of the added layers still puts out keeps the channel.
        mask["stage1block2.conv2.weight"][:] = True
        assert alive_channels(stem, mask).all()
    inner = RESNET.groups[1]
    assert alive_channels(inner, mask).all()
