"""Trainers: what carries out clients' requests, one per file.

A trainer is a frozen dataclass in one file under ``trainers/``; its fields are keys of ``[compute]``. It
decides how requests are computed, one after another or many at once, and never what comes out: equal requests
give equal bits. Clients of several threads, also of several runs, may ask one trainer at the same time, so a
trainer may let them wait for each other and compute for all of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from fedprune.types import Arrays

if TYPE_CHECKING:
    from fedprune.compute.request import ActivityRequest, Epoch, FitRequest, GradientRequest, ScoreRequest


@dataclass(frozen=True)
class Trainer:
    """Requests that a trainer does not answer in a way of its own are computed one at a time."""

    def fit(self, request: FitRequest) -> Iterator[Epoch]:
        """Train; the epochs in order, each as soon as it is there or all of them at the end.

        The last one marked ``best`` has the weights that training ends with. Where ``request.stopping`` ends
        it early there are fewer epochs than asked for.

        Raises:
            DivergedError: a loss or weight is not finite.
        """
        raise NotImplementedError

    def gradient(self, request: GradientRequest) -> Arrays:
        """The mean gradient by parameter name, float32, in full coordinates."""
        from fedprune.compute.gradient import mean_gradient

        return mean_gradient(request)

    def activity(self, request: ActivityRequest) -> Arrays:
        """Name of a group of channels -> share of zeros, float64 (channels,) in [0, 1]."""
        from fedprune.compute.activity import activity

        return activity(request)

    def scored(self, request: ScoreRequest) -> tuple[float, int]:
        """The sum of the task's score over all answers, and how many there are: parts of a set add up."""
        from fedprune.compute.evaluate import scored

        model = request.model.local()
        return scored(model.module, model.task, *request.samples)

    def score(self, request: ScoreRequest) -> float:
        """The mean of the task's score over all answers."""
        total, count = self.scored(request)
        return total / count


@cache
def shared(trainer: Trainer) -> Trainer:
    """The first of all trainers in this process that equal ``trainer``: one for all who ask."""
    return trainer


def trained(trainer: Trainer, request: FitRequest, note: Callable[[Epoch], None] | None = None) -> Arrays:
    """The weights that a training ends with, in full coordinates.

    Args:
        trainer: who carries it out.
        request: the training.
        note: told of each epoch, in order.

    Raises:
        DivergedError: a loss or weight is not finite.
    """
    weights: Arrays = request.model.weights
    for epoch in trainer.fit(request):
        if epoch.best and epoch.weights is not None:
            weights = epoch.weights
        if note is not None:
            note(epoch)
    return weights
