"""Regularizers and weight decay: the gradients of the penalties as they are written on paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.regularizers import Penalty, Regularizers
from fedprune.compute.request import Step
from fedprune.models import Architecture, architecture
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification

MODEL = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})


def masked(made: Architecture) -> Mask:
    """Single weights, a whole filter, and whole channels pruned."""
    rng = np.random.default_rng(0)
    mask = Mask({name: rng.random(made.shapes[name]) < 0.6 for name in made.prunable})
    mask["fc1.weight"][3] = False
    group = made.groups[0]
    return channel_mask(group, np.arange(group.size) > 0, mask, made.shapes)


def penalty(strengths: Regularizers, model: LocalModel) -> torch.Tensor:
    """The sum of the penalties with a graph, over weights that are not zero."""
    total = torch.zeros(())
    for name, parameter in model.module.named_parameters():
        if name in MODEL.prunable:
            total = total + strengths.l1 * parameter.abs().sum()
            for row in parameter.flatten(1):
                alive = row[row != 0]
                if len(alive):
                    total = total + strengths.group_lasso * len(alive) ** 0.5 * alive.norm()
        elif name.startswith("bn") and name.endswith("weight"):
            total = total + strengths.batch_norm_l1 * parameter.abs().sum()
    return total


@pytest.mark.parametrize("mask", [Mask(), masked(MODEL)], ids=["dense", "pruned"])
@pytest.mark.parametrize(
    "strengths",
    [Regularizers(l1=0.1), Regularizers(batch_norm_l1=0.2), Regularizers(group_lasso=0.3)],
    ids=["l1", "batch_norm_l1", "group_lasso"],
)
def test_the_gradient_added_is_that_of_the_penalty_over_what_lives(
    strengths: Regularizers, mask: Mask
) -> None:
    model = LocalModel(MODEL, MODEL.initial_weights(0), mask, Classification())
    Penalty(strengths, model).add_gradient()
    added = model.gradient.clone()
    model.gradient.zero_()
    penalty(strengths, model).backward()  # type: ignore[no-untyped-call]
    assert added.abs().sum() > 0
    torch.testing.assert_close(added, model.gradient)
    assert not added[model.alive == 0].any()


def test_a_penalty_pulls_weights_to_zero_and_is_not_in_the_loss() -> None:
    x, y = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    losses, sizes = [], []
    for strength in (0.0, 0.01):
        model = LocalModel(MODEL, MODEL.initial_weights(0), Mask(), Classification())
        step = Step(4, 0.1, SGD(0.5), Regularizers(l1=strength))
        losses.append(Loop(model, x, y, step).epoch(torch.arange(4)))
        sizes.append(float(model.flat.abs().sum()))
    assert losses[0] == losses[1]
    assert sizes[1] < sizes[0]


def test_weight_decay_is_coupled_it_joins_the_gradient_before_momentum_and_learning_rate() -> None:
    """Two steps by hand: v1 = d w, w1 = w - lr v1; v2 = m v1 + d w1, w2 = w1 - lr v2."""
    lr, momentum, decay = 0.5, 0.9, 0.1
    model = LocalModel(MODEL, MODEL.initial_weights(0), Mask(), Classification())
    begun = model.flat.clone()
    trainer = Loop(model, torch.empty(0), torch.empty(0), Step(1, lr, SGD(momentum, decay)))
    for _ in range(2):
        trainer.descend((model.module.get_parameter("fc1.weight") * 0).sum())
    once = begun * (1 - lr * decay)
    twice = once - lr * (momentum * decay * begun + decay * once)
    torch.testing.assert_close(model.flat, twice)
