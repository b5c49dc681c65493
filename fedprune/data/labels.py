"""The label that each sample bears for partitioners: its class, or the quantile of its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fedprune.data.stored import Dataset
from fedprune.types import Array

BINS = 10
"""Quantiles of the training targets into which values are sorted where there are no classes."""


@dataclass(frozen=True)
class Labels:
    """``train`` and ``test`` are int64 (N,), each label from 0 to ``count`` - 1; ``kind`` says what it is."""

    train: Array
    test: Array
    count: int
    kind: Literal["class", "tenth", "none"]
    """A class of the data, the tenth of the training targets that a value falls into, or nothing at all."""


def labels_of(dataset: Dataset) -> Labels | None:
    """The labels of all samples; None where a sample's target is several values or a sequence.

    A class is its own label. A single value bears the number of the tenth of the training targets it falls
    into, so that a partition by label gives clients different ranges of values.
    """
    targets = dataset.targets
    if targets.shape:
        return None
    if targets.classes is not None:
        return Labels(dataset.train_y, dataset.test_y, targets.classes, "class")
    # Equal edges, of values that many samples share, would only make labels that nobody bears.
    edges = np.unique(np.quantile(dataset.train_y, np.arange(1, BINS) / BINS))
    train, test = (np.searchsorted(edges, y, side="right") for y in (dataset.train_y, dataset.test_y))
    return Labels(train.astype(np.int64), test.astype(np.int64), len(edges) + 1, "tenth")
