"""What one client can compute in one round, never on test data: training, gradients, its gate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from fedprune.compute.activity import zero_shares
from fedprune.compute.distillation import Lesson
from fedprune.compute.early_stopping import BestEpoch
from fedprune.compute.evaluate import score
from fedprune.compute.loop import Loss, Trainer, task_loss
from fedprune.compute.model import LocalModel
from fedprune.compute.proximal import Proximal
from fedprune.federation.experiment import Experiment, Samples
from fedprune.models import Architecture
from fedprune.models.dropout import key_dropout
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.types import Arrays


class DivergedError(RuntimeError):
    """Local training gave a loss or weights that are not finite."""


class LocalWork:
    """One client in one round; its methods are a ``Client``'s ``fit``, ``gradient``, ``activity``, ``gate``,
    ``peer`` and ``rng``."""

    def __init__(self, experiment: Experiment, client: int, round: int, samples: Samples) -> None:
        self._experiment, self._client, self._round, self._samples = experiment, client, round, samples
        self._validation = experiment.gating(client)
        self._fits, self._peers = itertools.count(1), itertools.count(1)
        self.samples = len(samples[1])
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
        after_epoch: Callable[[int, Arrays], None] | None = None,
    ) -> Arrays:
        """See ``strategy.Fit``."""
        lesson = self.lesson() if loss is None else None
        epochs = self._experiment.scenario.train.epochs if epochs is None else epochs
        return self._fit(
            weights, mask, epochs, after_epoch, loss=loss or task_loss, proximal=proximal, lesson=lesson
        )

    def recover(self, weights: Arrays, mask: Mask, lesson: Lesson | None) -> Arrays:
        """Weights after ``distill.recover`` epochs, taught by ``lesson``, or by targets alone if None."""
        return self._fit(weights, mask, self._experiment.scenario.distill.recover, None, lesson=lesson)

    def study(self, made: Architecture, weights: Arrays) -> LocalModel:
        """A model beside the client's own after a round's epochs of the task's loss."""
        model = LocalModel(made, weights, Mask(), self._experiment.task)
        for _ in self._epochs(self._experiment.scenario.train.epochs, model, "teacher {}"):
            pass
        return model

    def _fit(
        self,
        weights: Arrays,
        mask: Mask,
        epochs: int,
        after_epoch: Callable[[int, Arrays], None] | None,
        **options: Any,
    ) -> Arrays:
        """``options`` are the trainer's."""
        model = self._experiment.model(weights, mask)
        patience, validation = self._experiment.scenario.train.patience, self._validation
        # With extra parameters only the method knows what the model computes.
        watched = None
        if patience and validation and not model.extra:
            watched = BestEpoch(self._experiment.score, patience)
        key = _numbered("{}", next(self._fits))
        for epoch, loss, weights in self._epochs(epochs, model, key, **options):
            self.loss = loss
            if after_epoch is not None:
                after_epoch(epoch, weights)
            if watched and validation and watched.ends(score(model.module, model.task, *validation), weights):
                break
        return watched.weights if watched and watched.weights else weights

    def _epochs(
        self, epochs: int, model: LocalModel, key: str, **options: Any
    ) -> Iterator[tuple[int, float, Arrays]]:
        """Train for so many epochs: each one's number, from 1, its mean loss, and the weights after it."""
        rng, trainer = self.rng(key.format("batches")), self._trainer(model, key, **options)
        for epoch in range(1, epochs + 1):
            loss = trainer.epoch(torch.from_numpy(rng.permutation(self.samples)))
            weights = model.weights()
            if not (math.isfinite(loss) and all(np.isfinite(value).all() for value in weights.values())):
                raise DivergedError(f"training diverged in epoch {epoch} (loss {loss:g}); lower train.lr")
            yield epoch, loss, weights

    def _trainer(self, model: LocalModel, key: str, **options: Any) -> Trainer:
        """SGD whose randomness is keyed: ``key`` holds the place of what is drawn."""
        experiment = self._experiment
        key_dropout(model.module, self.rng(key.format("dropout")))
        augment = experiment.augment(self.rng(key.format("augment")))
        return Trainer(model, *self._samples, experiment.step, augment=augment, **options)

    def gradient(self, weights: Arrays, *, batches: int | None = None) -> Arrays:
        """See ``strategy.Gradient``."""
        model = self._experiment.model(weights, Mask())
        x, y = self._samples
        size = self._experiment.step.batch_size
        order = torch.from_numpy(self.rng("gradient batches").permutation(len(y)))
        taken = order if batches is None else order[: batches * size]
        key_dropout(model.module, self.rng("gradient dropout"))
        model.module.train()
        for start in range(0, len(taken), size):
            batch = taken[start : start + size]
            share = len(batch) / len(taken)
            (task_loss(model, x[batch], y[batch]) * share).backward()  # type: ignore[no-untyped-call]
        return model.gradients()

    def activity(self, weights: Arrays, mask: Mask) -> Arrays:
        """See ``strategy.Activity``."""
        made = self._experiment.architecture
        # At full size, so that what is pruned counts as zeros too.
        module = self._experiment.model(mask.apply(weights), Mask()).module
        return zero_shares(module, made.groups, self._samples[0])

    def gate(self, weights: Arrays, mask: Mask) -> float:
        """See ``strategy.Gate``."""
        experiment, model = self._experiment, self._experiment.model(weights, mask)
        self.gate_score = score(model.module, model.task, *(self._validation or self._samples))
        return experiment.score.quality(self.gate_score, experiment.chance)

    def peer(self, model: Mapping[str, Any], weights: Arrays) -> Trainer:
        """See ``strategy.Peer``."""
        experiment, made = self._experiment, self._experiment.architecture
        if model:
            options = {key: value for key, value in model.items() if key != "name"}
            made = made.beside(model["name"], options)
        initial = made.initial_weights(experiment.scenario.run.seed)
        second = LocalModel(made, {**initial, **weights}, Mask(), experiment.task)
        return self._trainer(second, _numbered("peer {}", next(self._peers)))

    def rng(self, purpose: str, *, every_round: bool = True) -> np.random.Generator:
        """See ``strategy.Random``."""
        round = self._round if every_round else 0
        return generator(self._experiment.scenario.run.seed, purpose, round=round, client=self._client)


def _numbered(purpose: str, number: int) -> str:
    return purpose if number == 1 else f"{purpose} {number}"
