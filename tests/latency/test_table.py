"""Forms of a model beside each other: time, memory and bytes."""

from __future__ import annotations

import numpy as np

from fedprune.latency import measured, render
from fedprune.latency.candidates import candidates
from fedprune.models import architecture
from fedprune.pruning.channels import prune_channels
from fedprune.pruning.criteria import filter_l2
from fedprune.pruning.mask import Mask


def test_a_shrunk_model_has_a_smaller_file_and_a_masked_one_a_smaller_archive() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10)
    weights = made.initial_weights(0)
    mask = prune_channels(weights, Mask(), made.groups, made.shapes, 0.5, filter_l2.score)
    samples = np.random.default_rng(0).standard_normal((8, 1, 8, 8)).astype(np.float32)
    found = list(candidates(made, weights, mask, samples, ("onnx",)))
    rows = {row.name: row for row in measured(found[-1:] + found[:-1], samples[:1], 20, memory=False)}
    assert list(rows) == ["int8", "dense", "masked", "shrunk"]
    assert rows["int8"].size < rows["shrunk"].size < rows["masked"].size == rows["dense"].size
    assert rows["masked"].compressed < 0.6 * rows["dense"].compressed
    assert rows["dense"].speedup == 1
    assert all(0 < row.timing.best <= row.timing.p50 <= row.timing.p99 for row in rows.values())
    assert "int8, onnx" in render(list(rows.values()), "markdown")


def test_memory_is_that_of_answering_and_not_of_whoever_asks() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10)
    samples = np.zeros((8, 1, 8, 8), np.float32)
    dense = next(candidates(made, made.initial_weights(0), Mask(), samples, ("onnx",)))
    (row,) = measured([dense], samples[:1], 1)
    # This process holds hundreds of megabytes, torch above all.
    assert 0 < row.memory < 64e6
