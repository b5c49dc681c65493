"""One local epoch of masked SGD. Closed to edits: methods act before, between and after epochs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from fedprune.training.model import LocalModel


@dataclass(frozen=True)
class Step:
    """How a step is taken: batch size in samples, learning rate, momentum, weight decay (L2, coupled)."""

    batch_size: int
    lr: float
    momentum: float
    weight_decay: float


class Trainer:
    """SGD on one client's model and data; momentum lives as long as the trainer, that is one round."""

    def __init__(self, model: LocalModel, x: torch.Tensor, y: torch.Tensor, step: Step) -> None:
        self.model, self.x, self.y, self.step = model, x, y, step
        self._velocity = torch.zeros_like(model.flat)

    def epoch(self, order: torch.Tensor) -> float:
        """Train on all samples in the given order (int64 permutation); the mean loss before each step."""
        model, size = self.model, self.step.batch_size
        # Gathered once per epoch, so that batches are views.
        x, y = self.x[order], self.y[order]
        total = torch.zeros(())
        model.module.train()
        for start in range(0, len(y), size):
            batch_y = y[start : start + size]
            model.gradient.zero_()
            loss = cross_entropy(model.module(x[start : start + size]), batch_y)
            loss.backward()  # type: ignore[no-untyped-call]
            self._descend()
            # Summed as a tensor: reading a number back each step would stall the loop on an accelerator.
            total += loss.detach() * len(batch_y)
        return float(total) / len(y)

    def _descend(self) -> None:
        """torch.optim.SGD's update in place on the flat buffers; its bookkeeping costs more than the
        arithmetic here."""
        model, step = self.model, self.step
        if step.weight_decay:
            model.gradient.add_(model.flat, alpha=step.weight_decay)
        self._velocity.mul_(step.momentum).add_(model.gradient)
        model.flat.sub_(self._velocity, alpha=step.lr)
        model.hold_pruned()
