"""What one would write without a framework: one process, one module, tensors in memory, torch's own SGD."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fedprune.compute.request import Step
from fedprune.federation.experiment import Experiment, Samples

EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Work:
    """One client's share of a round."""

    train: Samples
    test: Samples
    gated: bool
    """Whether accuracy on the training samples was asked for as well."""


class BareLoop:
    """Trains clients one after another, evaluates each before and after, averages; nothing travels."""

    def __init__(self, experiment: Experiment) -> None:
        self._step, self._epochs = experiment.step, experiment.scenario.train.epochs
        self._model = experiment.architecture.load(experiment.initial)
        self._weights = {name: value.clone() for name, value in self._model.state_dict().items()}
        masked = set(experiment.architecture.prunable)
        parameters = dict(self._model.named_parameters())
        self._masked = [(parameters[name], torch.ones_like(parameters[name])) for name in sorted(masked)]
        self._everything = list(experiment.all_testing())

    def seconds(self, work: Sequence[Work]) -> float:
        """Time of one round, the reading of samples left out."""
        start = time.perf_counter()
        trained = [self._client(each) for each in work]
        self._weights = {
            name: torch.stack([each[name] for each in trained]).mean(0) for name in self._weights
        }
        self._model.load_state_dict(self._weights)
        for samples in self._everything:
            accuracy(self._model, *samples)
        return time.perf_counter() - start

    def _client(self, work: Work) -> dict[str, torch.Tensor]:
        model, (x, y) = self._model, work.train
        model.load_state_dict(self._weights)
        accuracy(self._model, *work.test)
        train(model, work.train, self._step, self._epochs, self._masked)
        if work.gated:
            accuracy(self._model, x, y)
        accuracy(self._model, *work.test)
        return {name: value.clone() for name, value in model.state_dict().items()}


def train(
    model: nn.Module,
    samples: Samples,
    step: Step,
    epochs: int,
    masked: Sequence[tuple[nn.Parameter, torch.Tensor]],
) -> None:
    """Epochs of torch's own SGD; each of ``masked`` is multiplied by its mask after every step."""
    x, y = samples
    momentum = step.optimizer.momentum  # type: ignore[attr-defined]
    sgd = torch.optim.SGD(model.parameters(), lr=step.lr, momentum=momentum, fused=True)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(y)).split(step.batch_size):
            sgd.zero_grad()
            cross_entropy(model(x[batch]), y[batch]).backward()
            sgd.step()
            with torch.no_grad():
                for parameter, kept in masked:
                    parameter.mul_(kept)


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The share of images that the model gets right."""
    model.eval()
    right = 0
    with torch.inference_mode():
        for images, labels in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH), strict=True):
            right += int((model(images).argmax(1) == labels).sum())
    return right / len(y)
