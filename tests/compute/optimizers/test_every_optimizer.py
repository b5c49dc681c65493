"""What holds for every optimizer there is, the next one too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune import plugins
from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.proximal import Proximal
from fedprune.compute.regularizers import Regularizers
from fedprune.compute.request import Step
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification
from tests.compute.test_loop import made, orders, samples

EVERY = pytest.mark.parametrize("name", plugins.names("optimizers"))


@EVERY
def test_pruned_coordinates_stay_exactly_zero_under_momenta_penalties_and_a_pull(name: str) -> None:
    model, rng = made(), np.random.default_rng(2)
    weights = model.initial_weights(0)
    mask = Mask({key: rng.random(model.shapes[key]) < 0.4 for key in model.prunable})
    anchor = {key: np.ones_like(value) for key, value in weights.items()}
    step = Step(10, 0.01, plugins.dataclass_of("optimizers", name)(), Regularizers(1e-3, 0.0, 1e-3))
    local = LocalModel(model, weights, mask, Classification())
    loop = Loop(local, *samples(), step, proximal=Proximal(0.5, anchor))
    for order in orders(33, 2):
        loop.epoch(order)
    found = local.weights()
    for key, kept in mask.items():
        assert not found[key][~kept].any()
        assert (found[key] != weights[key])[kept].mean() > 0.9


@EVERY
def test_training_lowers_the_loss(name: str) -> None:
    model = made()
    local = LocalModel(model, model.initial_weights(0), Mask(), Classification())
    loop = Loop(local, *samples(), Step(10, 0.003, plugins.dataclass_of("optimizers", name)()))
    losses = [loop.epoch(order) for order in orders(33, 10)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_steps_are_torchs_own(name: str) -> None:
    """Three steps along gradients given by hand, at learning rates that change."""
    optimizer = plugins.dataclass_of("optimizers", name)(weight_decay=0.1)
    start, gradient = torch.tensor([1.0, -2.0, 0.5]), torch.zeros(3)
    ours, parameter = start.clone(), torch.nn.Parameter(start.clone())
    theirs = {
        "sgd": lambda: torch.optim.SGD([parameter], 0.1, momentum=0.5, weight_decay=0.1),
        "adam": lambda: torch.optim.Adam([parameter], 0.1, weight_decay=0.1),
        "adamw": lambda: torch.optim.AdamW([parameter], 0.1, weight_decay=0.1),
    }[name]()
    descent = optimizer.on(ours, gradient)
    for lr, slope in ((0.1, [1.0, 0.0, -1.0]), (0.05, [0.5, 2.0, 0.0]), (0.2, [0.0, 1.0, 1.0])):
        gradient.copy_(torch.tensor(slope))
        parameter.grad = torch.tensor(slope)
        theirs.param_groups[0]["lr"] = lr
        descent.step(lr)
        theirs.step()
    torch.testing.assert_close(ours, parameter.detach())
