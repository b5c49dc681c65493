"""Accuracy of a module on tensors in memory."""

from __future__ import annotations

import torch
from torch import nn

BATCH = 500


def accuracy(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of samples whose largest output is at their label, in [0, 1]; NaN-free: needs at least one
    sample."""
    module.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(y), BATCH):
            outputs = module(x[start : start + BATCH])
            right += int((outputs.argmax(1) == y[start : start + BATCH]).sum())
    return right / len(y)
