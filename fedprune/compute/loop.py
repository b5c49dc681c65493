"""One local epoch of masked training. Closed to edits: methods act before, between and after epochs, and
bring a loss or a penalty as values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Self

import torch

from fedprune.compute.distillation import Lesson
from fedprune.compute.model import LocalModel
from fedprune.compute.proximal import Proximal
from fedprune.compute.quantized import quantize_in_training
from fedprune.compute.regularizers import NONE, Penalty
from fedprune.compute.request import FitRequest, Loss, Step
from fedprune.models.dropout import key_dropout


def task_loss(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of the model's task."""
    return model.loss(model.module(x), y)


class Loop:
    """An optimizer on one model and one client's data; its momenta live as long as the loop.

    A ``lesson`` takes the place of ``loss``; ``augment`` changes the images of each epoch; over the steps of
    ``epochs`` epochs the learning rate takes its course.
    """

    def __init__(
        self,
        model: LocalModel,
        x: torch.Tensor,
        y: torch.Tensor,
        step: Step,
        loss: Loss = task_loss,
        proximal: Proximal | None = None,
        *,
        lesson: Lesson | None = None,
        augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
        epochs: int = 1,
    ) -> None:
        self.model, self.x, self.y, self.step, self.loss = model, x, y, step, loss
        self._lesson, self._augment = lesson, augment
        self._answers: torch.Tensor | None = None
        self._descent = step.optimizer.on(model.flat, model.gradient)
        self._penalty = Penalty(step.regularizers, model) if step.regularizers != NONE else None
        self._taken, self._total = 0, epochs * -(-len(y) // step.batch_size)
        self._pull = 0.0
        if proximal is not None:
            self._pull, self._anchor = proximal.strength, model.flat_of(proximal.anchor)

    @classmethod
    def of(cls, request: FitRequest) -> Self:
        """The loop that carries out ``request``, at its beginning."""
        model, change = request.model.local(), request.augmentation
        key_dropout(model.module, request.keys.dropout.generator())
        if request.quantize:
            quantize_in_training(model.module)
        if request.only is not None:
            model.train_only(request.only)
        return cls(
            model,
            *request.samples,
            request.step,
            request.loss or task_loss,
            request.proximal,
            lesson=request.lesson,
            augment=None if change is None else partial(change, rng=request.keys.augmentation.generator()),
            epochs=request.epochs,
        )

    def epoch(self, order: torch.Tensor) -> float:
        """Train on all samples in the given order (int64 permutation); the mean loss before each step,
        regularizers apart."""
        return float(self.steps(order)) / len(order)

    def steps(self, order: torch.Tensor) -> torch.Tensor:
        """What ``epoch`` does; the sum of the losses of all samples, a scalar that stays on the device."""
        size, order = self.step.batch_size, order.to(self.x.device)
        # Gathered once per epoch, so that batches are views.
        x, y = self.x[order], self.y[order]
        if self._augment is not None:
            x = self._augment(x)
        loss_of = self._loss_of(x, y, order)
        total = torch.zeros((), device=x.device)
        self.model.module.train()
        for start in range(0, len(y), size):
            batch = slice(start, min(start + size, len(y)))
            loss = loss_of(batch)
            self.descend(loss)
            # Summed as a tensor: reading a number back each step would stall the loop on an accelerator.
            total += loss.detach() * (batch.stop - start)
        return total

    def _loss_of(
        self, x: torch.Tensor, y: torch.Tensor, order: torch.Tensor
    ) -> Callable[[slice], torch.Tensor]:
        """The loss of a batch of this epoch's samples."""
        lesson, model = self._lesson, self.model
        if lesson is None:
            return lambda batch: self.loss(model, x[batch], y[batch])
        answers = self._taught(lesson, x, order)
        return lambda batch: lesson.loss(model.task, model.module(x[batch]), y[batch], answers[batch])

    def _taught(self, lesson: Lesson, x: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        """What the teacher says of this epoch's samples."""
        if self._augment is not None:
            return lesson.answers(x)
        if self._answers is None:
            # Neither teacher nor images change from epoch to epoch: asked once, it costs a fraction.
            self._answers = lesson.answers(self.x)
        return self._answers[order]

    def descend(self, loss: torch.Tensor) -> None:
        """One step down the gradient of ``loss`` and of the penalties, in place on the flat buffers."""
        model, step = self.model, self.step
        model.gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._pull:
            model.gradient.add_(model.flat - self._anchor, alpha=self._pull)
        if self._penalty is not None:
            self._penalty.add_gradient()
        self._descent.step(step.rate(self._taken, self._total))
        self._taken += 1
        model.hold_pruned()
        model.hold_still()
