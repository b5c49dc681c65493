"""Running statistics of batch norms, estimated anew."""

from __future__ import annotations

import numpy as np
import torch

from fedprune.compute.evaluate import BATCH
from fedprune.compute.request import ModelState
from fedprune.compute.statistics import reestimated
from fedprune.data.schema import Targets
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.tasks import make_task


def state(*, batch_norm: bool) -> ModelState:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": batch_norm})
    task = make_task("classification", {}, Targets(classes=10), np.arange(10))
    return ModelState(made, made.initial_weights(3), Mask(), task)


def samples(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = np.random.Generator(np.random.PCG64(0)).standard_normal((count, 1, 8, 8), np.float32)
    return torch.from_numpy(drawn), torch.zeros(count, dtype=torch.int64)


def test_statistics_are_those_of_what_reaches_the_norm() -> None:
    before, given = state(batch_norm=True), samples(BATCH)
    after = reestimated(before, given)
    module = before.local().module
    convolution = next(layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d))
    with torch.no_grad():
        reached = convolution(given[0]).double()
    (mean,) = (name for name in before.architecture.statistics if name == "bn1.running_mean")
    np.testing.assert_allclose(after[mean], reached.mean((0, 2, 3)), atol=1e-5)
    variance = mean.replace("mean", "var")
    np.testing.assert_allclose(after[variance], reached.var((0, 2, 3)), rtol=1e-4)


def test_nothing_else_changes_and_the_same_samples_give_the_same_bits() -> None:
    before, given = state(batch_norm=True), samples(BATCH + 7)
    after, again = reestimated(before, given), reestimated(before, given)
    for name, value in before.weights.items():
        np.testing.assert_array_equal(after[name], again[name])
        assert np.array_equal(after[name], value) == (name not in before.architecture.statistics)


def test_a_model_without_batch_norms_comes_back_as_it_is() -> None:
    before = state(batch_norm=False)
    assert reestimated(before, samples(10)) is before.weights
