"""Scores of channels, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.pruning.criteria import channels_batch_norm, channels_l2
from fedprune.pruning.groups import ChannelGroup
from fedprune.types import UserError

WITH_NORM = ChannelGroup("conv", "conv", 2, (("conv.weight", 0, 1), ("bn.weight", 0, 1)), "bn.weight")
WITHOUT = ChannelGroup("conv", "conv", 2, (("conv.weight", 0, 1),), None)


def test_batch_norm_scores_are_absolute_scales() -> None:
    scores = channels_batch_norm.score({"bn.weight": np.array([-2, 0.5], np.float32)}, WITH_NORM)
    assert scores.dtype == np.float64
    assert scores.tolist() == [2, 0.5]


def test_without_batch_norm_the_error_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"follows layer 'conv'.*batch_norm = true.*'channels_l2'"):
        channels_batch_norm.score({"conv.weight": np.ones((2, 1, 3, 3), np.float32)}, WITHOUT)


def test_l2_scores_are_norms_of_filters() -> None:
    filters = np.zeros((2, 1, 2, 2), np.float32)
    filters[0].flat[:2] = 3, 4
    filters[1].flat[0] = -1
    scores = channels_l2.score({"conv.weight": filters}, WITHOUT)
    assert scores.dtype == np.float64
    assert scores.tolist() == [5, 1]
