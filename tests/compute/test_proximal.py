"""The pull towards an anchor, and further parameters that train beside a model's own."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.proximal import Proximal
from fedprune.compute.request import Step
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification

from .test_loop import made, orders, samples

STEP = Step(batch_size=10, lr=0.05, optimizer=SGD(0.5, 0.0))


def test_the_pull_is_the_gradient_of_half_the_squared_distance() -> None:
    model = made(batch_norm=True)
    weights, anchor = model.initial_weights(0), model.initial_weights(1)
    x, y = samples()
    (order,) = orders(len(y), 1)
    pulled = Loop(
        LocalModel(model, weights, Mask(), Classification()), x, y, STEP, proximal=Proximal(0.3, anchor)
    )
    pulled.epoch(order)
    module = model.load(weights)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=STEP.lr, momentum=0.5)
    for batch in order.split(STEP.batch_size):
        optimizer.zero_grad()
        distance = sum(
            (parameter - torch.tensor(anchor[name])).square().sum()
            for name, parameter in module.named_parameters()
        )
        (cross_entropy(module(x[batch]), y[batch]) + 0.15 * distance).backward()
        optimizer.step()
    for name, parameter in module.named_parameters():
        np.testing.assert_allclose(pulled.model.weights()[name], parameter.detach(), atol=1e-5, err_msg=name)


def test_a_strong_pull_does_not_revive_what_is_pruned() -> None:
    model = made()
    weights = model.initial_weights(0)
    mask = Mask(
        {name: np.arange(value.size).reshape(value.shape) % 2 == 0 for name, value in weights.items()}
    )
    anchor = {name: np.ones_like(value) for name, value in weights.items()}
    trainer = Loop(
        LocalModel(model, weights, mask, Classification()), *samples(), STEP, proximal=Proximal(5.0, anchor)
    )
    trainer.epoch(orders(33, 1)[0])
    for name, value in trainer.model.weights().items():
        assert not value[~mask[name]].any()
        assert value[mask[name]].all()


def test_further_arrays_train_with_the_model_by_a_loss_that_uses_them() -> None:
    model = architecture("mlp", (1, 8, 8), 10)
    scale = np.full(3, 2.0, np.float32)
    trained = LocalModel(model, {**model.initial_weights(0), "a.scale": scale}, Mask(), Classification())
    x, y = samples()

    def loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(model.module(x), y) + model.extra["a.scale"].square().sum()

    Loop(trained, x, y, Step(len(y), lr=0.1, optimizer=SGD(0.0, 0.0)), loss).epoch(torch.arange(len(y)))
    found = trained.weights()
    np.testing.assert_allclose(found["a.scale"], 2.0 - 0.1 * 2 * 2.0, rtol=1e-6)
    assert not np.array_equal(found["fc1.weight"], model.initial_weights(0)["fc1.weight"])
    assert "a.scale" not in trained.gradients()
