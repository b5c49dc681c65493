"""Scores of channels, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.pruning.criteria import batch_norm, filter_l2
from fedprune.pruning.groups import ChannelGroup
from fedprune.types import UserError

WITH_NORM = ChannelGroup("conv", "conv", 2, (("conv.weight", 0, 1), ("bn.weight", 0, 1)), ("bn.weight",))
WITHOUT = ChannelGroup("conv", "conv", 2, (("conv.weight", 0, 1),), ())


def test_batch_norm_scores_are_absolute_scales() -> None:
    scores = batch_norm.score({"bn.weight": np.array([-2, 0.5], np.float32)}, WITH_NORM)
    assert scores.dtype == np.float64
    assert scores.tolist() == [2, 0.5]


def test_without_batch_norm_the_error_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"follows layer 'conv'.*batch_norm = true.*'filter_l2'"):
        batch_norm.score({"conv.weight": np.ones((2, 1, 3, 3), np.float32)}, WITHOUT)


def test_l2_scores_are_norms_of_filters() -> None:
    filters = np.zeros((2, 1, 2, 2), np.float32)
    filters[0].flat[:2] = 3, 4
    filters[1].flat[0] = -1
    scores = filter_l2.score({"conv.weight": filters}, WITHOUT)
    assert scores.dtype == np.float64
    assert scores.tolist() == [5, 1]


RESIDUAL = ChannelGroup(
    "first",
    "conv",
    2,
    (
        ("first.weight", 0, 1),
        ("bn1.weight", 0, 1),
        ("second.weight", 0, 1),
        ("bn2.weight", 0, 1),
        ("bn2.bias", 0, 1),
        ("next.weight", 1, 1),
    ),
    ("bn1.weight", "bn2.weight"),
)


def test_scores_of_channels_that_several_layers_compute_sum_over_them() -> None:
    weights = {
        "first.weight": np.array([3, 1], np.float32).reshape(2, 1, 1, 1),
        "second.weight": np.array([4, 0], np.float32).reshape(2, 1, 1, 1),
        "bn1.weight": np.array([-2, 0.5], np.float32),
        "bn2.weight": np.array([1, 0.25], np.float32),
        "bn2.bias": np.array([9, 9], np.float32),
        "next.weight": np.full((1, 2, 1, 1), 9, np.float32),
    }
    assert filter_l2.score(weights, RESIDUAL).tolist() == [5, 1]
    assert batch_norm.score(weights, RESIDUAL).tolist() == [3, 0.75]


def test_channels_that_go_together_are_scored_together() -> None:
    pairs = ChannelGroup("conv", "conv", 2, (("conv.weight", 0, 2), ("gn.weight", 0, 2)), ("gn.weight",))
    weights = {
        "conv.weight": np.array([3, 4, 0, 1], np.float32).reshape(4, 1, 1, 1),
        "gn.weight": np.array([1, -2, 0.5, 0], np.float32),
    }
    assert filter_l2.score(weights, pairs).tolist() == [5, 1]
    assert batch_norm.score(weights, pairs).tolist() == [3, 0.5]
