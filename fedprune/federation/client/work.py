"""What one client can compute in one round, never on test data: training, gradients, its gate."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fedprune.compute.distillation import Lesson
from fedprune.compute.loop import Loop
from fedprune.compute.proximal import Proximal
from fedprune.compute.request import (
    ActivityRequest,
    Epoch,
    FitRequest,
    GradientRequest,
    Keys,
    Loss,
    ModelState,
    Samples,
    ScoreRequest,
    Stopping,
)
from fedprune.compute.trainers import trained
from fedprune.federation.client.passes import Passes
from fedprune.federation.experiment import Experiment
from fedprune.models import Architecture
from fedprune.pruning.cost import TRAINED
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.types import Arrays


class LocalWork:
    """One client in one round: what ``Client`` says that it computes, and what the round asks beside it."""

    def __init__(
        self, experiment: Experiment, client: int, round: int, samples: Samples, *, final: bool = False
    ) -> None:
        self._experiment, self._client, self._round, self._samples = experiment, client, round, samples
        # The evaluation after the last round trains at that round's rate.
        self._rated = round - 1 if final else round
        self._validation = experiment.gating(client)
        self._fits, self._peers = itertools.count(1), itertools.count(1)
        self.samples = len(samples[1])
        self.passes = Passes()
        """What of all this counts as the client's work."""
        self.loss: float | None = None
        """Mean loss of the last epoch trained; None before the first."""
        self.gate_score: float | None = None
        """What the gate said last."""
        self.lesson: Callable[[], Lesson | None] = lambda: None
        """What takes the place of the task's loss where a strategy brings no loss of its own."""

    def fit(
        self,
        weights: Arrays,
        mask: Mask,
        *,
        epochs: int | None = None,
        loss: Loss | None = None,
        proximal: Proximal | None = None,
        only: Collection[str] | None = None,
        after_epoch: Callable[[int, Arrays], None] | None = None,
    ) -> Arrays:
        """See ``Client.fit``."""
        lesson = self.lesson() if loss is None else None
        epochs = self._experiment.scenario.train.epochs if epochs is None else epochs
        request = self._fit_request(weights, mask, epochs, loss=loss, proximal=proximal, lesson=lesson)
        trains = None if only is None else frozenset(only)
        return self._fit(replace(request, only=trains, every_epoch=after_epoch is not None), after_epoch)

    def recover(self, weights: Arrays, mask: Mask, lesson: Lesson | None) -> Arrays:
        """Weights after ``distill.recover`` epochs, taught by ``lesson``, or by targets alone if None."""
        recover = self._experiment.scenario.distill.recover
        return self._fit(self._fit_request(weights, mask, recover, lesson=lesson))

    def study(self, made: Architecture, weights: Arrays) -> Arrays:
        """The weights of a model beside the client's own after a round's epochs of the task's loss."""
        experiment = self._experiment
        state = experiment.state(weights, Mask(), made)
        return self._trained(self._asked(state, self._keys("teacher {}")))

    def _fit_request(self, weights: Arrays, mask: Mask, epochs: int, **options: Any) -> FitRequest:
        """The next training of the client's own model; ``options`` are the request's."""
        experiment = self._experiment
        state, keys = experiment.state(weights, mask), self._keys(_numbered("{}", next(self._fits)))
        request = replace(self._asked(state, keys), epochs=epochs)
        patience, stopping = experiment.scenario.train.patience, None
        # With further arrays only the method knows what the model computes.
        if patience and self._validation and weights.keys() <= experiment.architecture.shapes.keys():
            stopping = Stopping(patience, self._validation, experiment.score)
        return replace(request, stopping=stopping, **options)

    def _asked(self, state: ModelState, keys: Keys) -> FitRequest:
        """A round's epochs of the task's loss on the client's samples."""
        epochs = self._experiment.scenario.train.epochs
        return self._experiment.fit_request(state, self._samples, keys, epochs, round=self._rated)

    def _fit(self, request: FitRequest, after_epoch: Callable[[int, Arrays], None] | None = None) -> Arrays:
        def note(epoch: Epoch) -> None:
            self.loss = epoch.loss
            if after_epoch is not None and epoch.weights is not None:
                after_epoch(epoch.number, epoch.weights)

        return self._trained(request, note)

    def _trained(self, request: FitRequest, note: Callable[[Epoch], None] | None = None) -> Arrays:
        epochs = 0

        def counted(epoch: Epoch) -> None:
            nonlocal epochs
            epochs = epoch.number
            if note is not None:
                note(epoch)

        weights = trained(self._experiment.trainer, request, counted)
        self.passes.add_training(request, epochs)
        return weights

    def _keys(self, pattern: str) -> Keys:
        seed = self._experiment.scenario.run.seed
        return Keys.named(pattern, seed, round=self._round, client=self._client)

    def gradient(self, weights: Arrays, *, batches: int | None = None) -> Arrays:
        """See ``Client.gradient``."""
        experiment = self._experiment
        state, keys = experiment.state(weights, Mask()), self._keys("gradient {}")
        size = experiment.step.batch_size
        read = self.samples if batches is None else min(self.samples, batches * size)
        self.passes.add(TRAINED * read, state.architecture, state.mask)
        return experiment.trainer.gradient(GradientRequest(state, self._samples, size, keys, batches))

    def activity(self, weights: Arrays, mask: Mask) -> Arrays:
        """See ``Client.activity``."""
        state = self._experiment.state(weights, mask)
        self.passes.add(self.samples, state.architecture, state.mask)
        return self._experiment.trainer.activity(ActivityRequest(state, self._samples))

    def gate(self, weights: Arrays, mask: Mask) -> float:
        """See ``Client.gate``."""
        experiment, samples = self._experiment, self._validation or self._samples
        state = experiment.state(weights, mask)
        self.passes.add(len(samples[1]), state.architecture, state.mask)
        self.gate_score = experiment.trainer.score(ScoreRequest(state, samples))
        return experiment.score.quality(self.gate_score, experiment.chance)

    def peer(self, model: Mapping[str, Any], weights: Arrays, *, steps: int = 1) -> Loop:
        """See ``Client.peer``."""
        experiment, made = self._experiment, self._experiment.architecture
        if model:
            options = {key: value for key, value in model.items() if key != "name"}
            made = made.beside(model["name"], options)
        initial = made.initial_weights(experiment.scenario.run.seed)
        state = experiment.state({**initial, **weights}, Mask(), made)
        keys = self._keys(_numbered("peer {}", next(self._peers)))
        request = self._asked(state, keys)
        request = replace(request, epochs=steps * request.epochs)
        self.passes.add_training(request, request.epochs)
        return Loop.of(request)

    def rng(self, purpose: str, *, every_round: bool = True) -> np.random.Generator:
        """See ``Client.rng``."""
        round = self._round if every_round else 0
        return generator(self._experiment.scenario.run.seed, purpose, round=round, client=self._client)


def _numbered(purpose: str, number: int) -> str:
    return purpose if number == 1 else f"{purpose} {number}"
