"""One local epoch of masked SGD. Closed to edits: methods act before, between and after epochs, and bring a
loss or a penalty as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from fedprune.training.model import LocalModel
from fedprune.training.proximal import Proximal

Loss = Callable[[LocalModel, torch.Tensor, torch.Tensor], torch.Tensor]
"""Of a model, a batch (n, C, H, W) and its labels (n,): the mean over the batch, a scalar with a graph."""


@dataclass(frozen=True)
class Step:
    """How a step is taken: batch size in samples, learning rate, momentum, weight decay (L2, coupled)."""

    batch_size: int
    lr: float
    momentum: float
    weight_decay: float


def classification(model: LocalModel, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats."""
    return cross_entropy(model.module(x), y)


class Trainer:
    """SGD on one model and one client's data; momentum lives as long as the trainer."""

    def __init__(
        self,
        model: LocalModel,
        x: torch.Tensor,
        y: torch.Tensor,
        step: Step,
        loss: Loss = classification,
        proximal: Proximal | None = None,
    ) -> None:
        self.model, self.x, self.y, self.step, self.loss = model, x, y, step, loss
        self._velocity = torch.zeros_like(model.flat)
        self._pull = 0.0
        if proximal is not None:
            self._pull, self._anchor = proximal.strength, model.flat_of(proximal.anchor)

    def epoch(self, order: torch.Tensor) -> float:
        """Train on all samples in the given order (int64 permutation); the mean loss before each step."""
        size = self.step.batch_size
        # Gathered once per epoch, so that batches are views.
        x, y = self.x[order], self.y[order]
        total = torch.zeros(())
        self.model.module.train()
        for start in range(0, len(y), size):
            batch_y = y[start : start + size]
            loss = self.loss(self.model, x[start : start + size], batch_y)
            self.descend(loss)
            # Summed as a tensor: reading a number back each step would stall the loop on an accelerator.
            total += loss.detach() * len(batch_y)
        return float(total) / len(y)

    def descend(self, loss: torch.Tensor) -> None:
        """One step down the gradient of ``loss``: torch.optim.SGD's update, in place on the flat buffers,
        where its bookkeeping would cost more than the arithmetic."""
        model, step = self.model, self.step
        model.gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        if self._pull:
            model.gradient.add_(model.flat - self._anchor, alpha=self._pull)
        if step.weight_decay:
            model.gradient.add_(model.flat, alpha=step.weight_decay)
        self._velocity.mul_(step.momentum).add_(model.gradient)
        model.flat.sub_(self._velocity, alpha=step.lr)
        model.hold_pruned()
