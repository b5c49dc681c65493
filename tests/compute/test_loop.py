"""Local training: torch's own SGD, bit for bit nearly, on what the mask leaves alive."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.request import Step
from fedprune.compute.schedules import Course
from fedprune.compute.schedules.exponential import Exponential
from fedprune.models import Architecture, architecture
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification
from fedprune.types import Arrays

STEPS = [
    Step(batch_size=10, lr=0.05, optimizer=SGD(0.0, 0.0)),
    Step(batch_size=10, lr=0.05, optimizer=SGD(0.9, 0.0)),
    Step(batch_size=7, lr=0.02, optimizer=SGD(0.5, 0.01)),
]
EVERY_STEP = pytest.mark.parametrize("step", STEPS, ids=["plain", "momentum", "weight decay"])


def made(**options: Any) -> Architecture:
    return architecture("digits_cnn", (1, 8, 8), 10, options)


def samples(count: int = 33) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(count, 1, 8, 8)).astype(np.float32))
    return x, torch.from_numpy(rng.integers(0, 10, count))


def orders(count: int, epochs: int) -> list[torch.Tensor]:
    rng = np.random.default_rng(1)
    return [torch.from_numpy(rng.permutation(count)) for _ in range(epochs)]


def by_torch(
    model: Architecture, weights: Arrays, mask: Mask, step: Step, epochs: int
) -> tuple[Arrays, float]:
    """Weights and last mean loss of torch.optim.SGD on the full module, pruned coordinates zeroed."""
    module = model.load(mask.apply(weights))
    module.train()
    x, y = samples()
    optimizer = torch.optim.SGD(module.parameters(), lr=step.lr, **asdict(step.optimizer))
    for order in orders(len(y), epochs):
        losses = []
        for batch in order.split(step.batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(module(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            losses += [loss.item()] * len(batch)
            with torch.no_grad():
                for name, parameter in module.named_parameters():
                    if name in mask:
                        parameter *= torch.from_numpy(mask[name])
    state = module.state_dict()
    return {name: state[name].numpy() for name in model.shapes}, float(np.mean(losses))


def by_us(model: Architecture, weights: Arrays, mask: Mask, step: Step, epochs: int) -> tuple[Arrays, float]:
    local = LocalModel(model, weights, mask, Classification())
    x, y = samples()
    trainer = Loop(local, x, y, step)
    losses = [trainer.epoch(order) for order in orders(len(y), epochs)]
    return local.weights(), losses[-1]


def channels_gone(model: Architecture) -> Mask:
    """Whole channels dead in every convolution, so that the local model is a smaller one."""
    mask = Mask.ones({name: model.shapes[name] for name in model.prunable})
    for group in model.groups:
        if group.kind == "conv":
            mask = channel_mask(group, np.arange(group.size) % 3 > 0, mask, model.shapes)
    return mask


def assert_close(actual: Arrays, expected: Arrays) -> None:
    assert list(actual) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


@EVERY_STEP
@pytest.mark.parametrize("batch_norm", [False, True])
def test_an_epoch_is_torchs_own_sgd(step: Step, batch_norm: bool) -> None:
    model = made(batch_norm=batch_norm)
    weights = model.initial_weights(0)
    ours, our_loss = by_us(model, weights, Mask(), step, epochs=3)
    theirs, their_loss = by_torch(model, weights, Mask(), step, epochs=3)
    assert_close(ours, theirs)
    assert our_loss == pytest.approx(their_loss, rel=1e-4)
    assert any(np.abs(ours[name] - weights[name]).max() > 0.01 for name in model.prunable)


@EVERY_STEP
def test_pruned_coordinates_are_exactly_zero_after_training_and_the_rest_learns(step: Step) -> None:
    model = made()
    weights, rng = model.initial_weights(0), np.random.default_rng(2)
    mask = Mask({name: rng.random(model.shapes[name]) < 0.4 for name in model.prunable})
    ours, _ = by_us(model, weights, mask, step, epochs=2)
    for name, kept in mask.items():
        assert not ours[name][~kept].any()
        assert (ours[name] != weights[name])[kept].any()
    assert_close(ours, by_torch(model, weights, mask, step, epochs=2)[0])


@EVERY_STEP
@pytest.mark.parametrize("batch_norm", [False, True])
def test_training_the_shrunk_model_is_training_the_masked_one(step: Step, batch_norm: bool) -> None:
    model = made(batch_norm=batch_norm)
    weights, mask = model.initial_weights(0), channels_gone(model)
    ours, our_loss = by_us(model, weights, mask, step, epochs=2)
    theirs, their_loss = by_torch(model, weights, mask, step, epochs=2)
    # A dead channel has no running statistics; the full module goes on measuring the zeros it puts out.
    theirs = mask.apply(theirs)
    assert_close(ours, theirs)
    assert our_loss == pytest.approx(their_loss, rel=1e-4)


def test_the_loss_is_the_mean_over_samples_of_each_batch_before_its_step() -> None:
    model = made()
    local = LocalModel(model, model.initial_weights(0), Mask(), Classification())
    x, y = samples(5)
    # With no learning to speak of, the mean over batches of 2, 2 and 1 is the mean over all samples.
    loss = Loop(local, x, y, Step(2, 1e-12, SGD(0.0))).epoch(torch.arange(5))
    with torch.inference_mode():
        assert loss == pytest.approx(float(cross_entropy(local.module(x), y)), rel=1e-5)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_single_sample_trains(batch_norm: bool) -> None:
    model = made(batch_norm=batch_norm)
    local = LocalModel(model, model.initial_weights(0), Mask(), Classification())
    x, y = samples(1)
    trainer = Loop(local, x, y, Step(10, 0.1, SGD(0.5)))
    losses = [trainer.epoch(torch.arange(1)) for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_momentum_lives_as_long_as_the_trainer() -> None:
    model, step = made(), STEPS[1]
    weights = model.initial_weights(0)
    x, y = samples()
    first, second = orders(len(y), 2)
    one, two = (
        LocalModel(model, weights, Mask(), Classification()),
        LocalModel(model, weights, Mask(), Classification()),
    )
    trainer = Loop(one, x, y, step)
    trainer.epoch(first)
    trainer.epoch(second)
    for order in (first, second):
        Loop(two, x, y, step).epoch(order)
    assert not torch.allclose(one.flat, two.flat)


def test_each_step_of_a_training_is_taken_at_the_rate_of_its_course() -> None:
    """Without momentum, steps along one gradient after another are their rates times it."""
    model = made()
    weights, (x, y) = model.initial_weights(0), samples(9)
    step = Step(3, 0.5, SGD(0.0), course=Course(Exponential(0.5)))
    local = LocalModel(model, weights, Mask(), Classification())
    loop = Loop(local, x, y, step, epochs=2)
    moved, bias = [], local.parameters["fc1.bias"]
    for _ in range(7):
        before = float(bias.detach()[0])
        loop.descend(bias.sum())
        moved.append(before - float(bias.detach()[0]))
    assert moved == pytest.approx([0.5 * 0.5**step for step in (0, 1, 2, 3, 4, 5, 5)], rel=1e-4)
