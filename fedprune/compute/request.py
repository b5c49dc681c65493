"""What a client has computed, as values: a request says all that decides the result, and a trainer carries it
out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import torch

from fedprune.compute.augmentation import CropAndFlip
from fedprune.compute.distillation import Lesson
from fedprune.compute.model import CPU, LocalModel
from fedprune.compute.optimizers import Optimizer
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.proximal import Proximal
from fedprune.compute.regularizers import NONE, Regularizers
from fedprune.compute.schedules import Course
from fedprune.models import Architecture
from fedprune.pruning.mask import Mask
from fedprune.score import Score
from fedprune.seeds import Key
from fedprune.tasks import Task
from fedprune.types import Arrays

Samples = tuple[torch.Tensor, torch.Tensor]
"""Features (n, ...) as a model is given them and targets (n, ...), on the device of the model."""

Loss = Callable[[LocalModel, torch.Tensor, torch.Tensor], torch.Tensor]
"""Of a model, a batch (n, ...) and its targets (n, ...): the mean over the batch, a scalar with a graph."""


class DivergedError(RuntimeError):
    """Local training gave a loss or weights that are not finite."""


@dataclass(frozen=True, eq=False)
class ModelState:
    """A model as a value: weights in full coordinates under a mask."""

    architecture: Architecture
    weights: Arrays
    """Those of the architecture, and further ones that a loss makes use of."""
    mask: Mask
    task: Task
    device: torch.device = CPU
    """Where a trainer computes with it."""

    def local(self) -> LocalModel:
        """A fresh torch model of it, on its device."""
        return LocalModel(self.architecture, self.weights, self.mask, self.task, self.device)


@dataclass(frozen=True)
class Step:
    """How a step is taken: batch size in samples, learning rate, optimizer, penalties, the rate's course."""

    batch_size: int
    lr: float
    optimizer: Optimizer = field(default_factory=SGD)
    regularizers: Regularizers = NONE
    course: Course = field(default_factory=Course)
    """What becomes of the rate from the first step of a training to its last."""

    def rate(self, at: int, total: int) -> float:
        """The learning rate after ``at`` of ``total`` steps of a training."""
        return self.lr * self.course.factor(at, total)


@dataclass(frozen=True)
class Keys:
    """What a training draws: the order of batches of each epoch, dropout's zeros, augmentation."""

    batches: Key
    dropout: Key
    augmentation: Key

    @classmethod
    def named(cls, pattern: str, seed: int, *, round: int, client: int) -> Self:
        """Keys whose purposes are ``pattern`` with the place ``{}`` for what is drawn."""
        batches, dropout, augment = (
            Key(seed, pattern.format(what), round, client) for what in ("batches", "dropout", "augment")
        )
        return cls(batches, dropout, augment)


@dataclass(frozen=True, eq=False)
class Stopping:
    """Ends a training after so many epochs in a row without a better score on validation samples."""

    patience: int
    samples: Samples
    score: Score
    """Which scores are better."""


@dataclass(frozen=True, eq=False)
class FitRequest:
    """A training of one model on one client's samples.

    A ``lesson`` takes the place of ``loss``, and ``loss`` that of the task's. Equal requests give equal bits,
    whichever trainer carries them out and whatever else it has at work.
    """

    model: ModelState
    samples: Samples
    epochs: int
    """At least 1."""
    step: Step
    keys: Keys
    loss: Loss | None = None
    lesson: Lesson | None = None
    proximal: Proximal | None = None
    only: frozenset[str] | None = None
    """Names of the parameters that train, at least one of the model's; all of them where None."""
    augmentation: CropAndFlip | None = None
    stopping: Stopping | None = None
    quantize: bool = False
    """Whether layers compute in int8 while they train, see ``compute.quantized``."""
    every_epoch: bool = False
    """Whether weights are wanted after each epoch, and not only those that training ends with."""


@dataclass(frozen=True, eq=False)
class Epoch:
    """What an epoch of a training gave."""

    number: int
    """From 1."""
    loss: float
    """The mean over samples before each step, regularizers apart."""
    best: bool
    """Whether these are the weights to end with unless a later epoch has better ones. Without early stopping
    each epoch's are."""
    weights: Arrays | None
    """In full coordinates, an independent copy; None where nobody wants them."""


@dataclass(frozen=True, eq=False)
class GradientRequest:
    """The mean gradient of the task's loss over ``batches`` batches, over all samples when None.

    Batches come in the order that ``keys`` gives; the gradient is dense, whatever the mask.
    """

    model: ModelState
    samples: Samples
    batch_size: int
    keys: Keys
    batches: int | None = None


@dataclass(frozen=True, eq=False)
class ActivityRequest:
    """The share of zeros of each channel over all samples, see ``activity.zero_shares``."""

    model: ModelState
    samples: Samples


@dataclass(frozen=True, eq=False)
class ScoreRequest:
    """The task's score over all samples, at least one."""

    model: ModelState
    samples: Samples
