"""The score of a module on tensors in memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.func import functional_call

from fedprune.tasks import Task

BATCH = 500


def scored(module: nn.Module, task: Task, x: torch.Tensor, y: torch.Tensor) -> tuple[float, int]:
    """The task's score of ``module`` on samples ``x`` (n, ...) with targets ``y`` (n, ...).

    Returns:
        The sum over all answers and how many there are, so that parts of a large set add up.
    """
    module.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        answer = fastest(module, x)
        for start in range(0, len(y), BATCH):
            batch = slice(start, start + BATCH)
            part, answers = task.scored(answer(x[batch]), y[batch])
            total += part
            count += answers
    return total, count


def fastest(module: nn.Module, x: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """What computes the outputs of ``module`` for large batches of samples like ``x``.

    Convolutions on a CPU run faster with channels last. Their kernels are copied, since the parameters must
    stay views into a flat buffer. A module that cannot read that layout is given samples in the usual one.
    """
    last = torch.channels_last
    kernels = {
        name: parameter.contiguous(memory_format=last)
        for name, parameter in module.named_parameters()
        if parameter.dim() == 4
    }
    if not kernels or x.dim() != 4:
        return module

    def answer(x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = functional_call(module, kernels, (x.contiguous(memory_format=last),))
        return outputs

    try:
        answer(x[:1])
    except RuntimeError:
        # A user's module may take views of what its convolutions give, which fit one layout alone.
        return lambda x: module(x.contiguous())
    return answer


def score(module: nn.Module, task: Task, x: torch.Tensor, y: torch.Tensor) -> float:
    """The mean of ``scored`` over all answers; NaN-free: needs at least one sample."""
    total, count = scored(module, task, x, y)
    return total / count
