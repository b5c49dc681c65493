"""The mean gradient of a task's loss, without a step."""

from __future__ import annotations

import torch

from fedprune.compute.loop import task_loss
from fedprune.compute.request import GradientRequest
from fedprune.models.dropout import key_dropout
from fedprune.types import Arrays


def mean_gradient(request: GradientRequest) -> Arrays:
    """By parameter name, float32, in full coordinates; the module is in training mode."""
    model, (x, y), size = request.model.local(), request.samples, request.batch_size
    order = torch.from_numpy(request.keys.batches.generator().permutation(len(y))).to(x.device)
    taken = order if request.batches is None else order[: request.batches * size]
    key_dropout(model.module, request.keys.dropout.generator())
    model.module.train()
    for batch in torch.split(taken, size):
        share = len(batch) / len(taken)
        (task_loss(model, x[batch], y[batch]) * share).backward()  # type: ignore[no-untyped-call]
    return model.gradients()
