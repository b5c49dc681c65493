"""What one client can compute in one round, never on test data: training, gradients, its gate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from fedprune.federation.site import Samples, Site
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.training.activity import zero_shares
from fedprune.training.evaluate import accuracy
from fedprune.training.loop import Loss, Trainer, classification
from fedprune.training.model import LocalModel
from fedprune.training.proximal import Proximal
from fedprune.types import Arrays


class DivergedError(RuntimeError):
    """Local training gave a loss or weights that are not finite."""


class LocalWork:
    """One client in one round; its methods are a ``Client``'s ``fit``, ``gradient``, ``activity``, ``gate``,
    ``peer`` and ``rng``."""

    def __init__(self, here: Site, client: int, round: int, samples: Samples) -> None:
        self._here, self._client, self._round, self._samples = here, client, round, samples
        self._gating = here.gating(client) or samples
        self._fits = itertools.count(1)
        self.samples = len(samples[1])
        self.loss: float | None = None
        """Mean loss of the last epoch trained; None before the first."""
        self.gate_accuracy: float | None = None
        """What the gate said last."""

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
        here = self._here
        model = LocalModel(here.architecture, weights, mask)
        trainer = Trainer(model, *self._samples, here.step, loss or classification, proximal)
        rng = self.rng(_numbered("batches", next(self._fits)))
        for epoch in range(1, (here.scenario.train.epochs if epochs is None else epochs) + 1):
            self.loss = mean = trainer.epoch(torch.from_numpy(rng.permutation(len(self._samples[1]))))
            weights = model.weights()
            if not (math.isfinite(mean) and all(np.isfinite(value).all() for value in weights.values())):
                raise DivergedError(f"training diverged in epoch {epoch} (loss {mean:g}); lower train.lr")
            if after_epoch is not None:
                after_epoch(epoch, weights)
        return weights

    def gradient(self, weights: Arrays, *, batches: int | None = None) -> Arrays:
        """See ``strategy.Gradient``."""
        model = LocalModel(self._here.architecture, weights, Mask())
        x, y = self._samples
        size = self._here.step.batch_size
        order = torch.from_numpy(self.rng("gradient batches").permutation(len(y)))
        taken = order if batches is None else order[: batches * size]
        model.module.train()
        for start in range(0, len(taken), size):
            batch = taken[start : start + size]
            share = len(batch) / len(taken)
            (classification(model, x[batch], y[batch]) * share).backward()  # type: ignore[no-untyped-call]
        return model.gradients()

    def activity(self, weights: Arrays, mask: Mask) -> Arrays:
        """See ``strategy.Activity``."""
        made = self._here.architecture
        # At full size, so that what is pruned counts as zeros too.
        module = LocalModel(made, mask.apply(weights), Mask()).module
        return zero_shares(module, made.groups, self._samples[0])

    def gate(self, weights: Arrays, mask: Mask) -> float:
        """See ``strategy.Gate``."""
        module = LocalModel(self._here.architecture, weights, mask).module
        self.gate_accuracy = accuracy(module, *self._gating)
        return self.gate_accuracy

    def peer(self, model: Mapping[str, Any], weights: Arrays) -> Trainer:
        """See ``strategy.Peer``."""
        here, made = self._here, self._here.architecture
        if model:
            options = {key: value for key, value in model.items() if key != "name"}
            made = architecture(model["name"], made.input_shape, made.num_classes, options)
        initial = made.initial_weights(here.scenario.run.seed)
        return Trainer(LocalModel(made, {**initial, **weights}, Mask()), *self._samples, here.step)

    def rng(self, purpose: str, *, every_round: bool = True) -> np.random.Generator:
        """See ``strategy.Random``."""
        round = self._round if every_round else 0
        return generator(self._here.scenario.run.seed, purpose, round=round, client=self._client)


def _numbered(purpose: str, number: int) -> str:
    return purpose if number == 1 else f"{purpose} {number}"
