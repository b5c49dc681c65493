"""What a model costs: parameters, and multiply-adds for one sample."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.models import Architecture
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import kept_indices

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Cost:
    """Of a module as it physically is: a weight that is merely zero counts like any other."""

    parameters: int
    """Trainable parameters."""
    multiply_adds: int
    """Multiply-adds of a forward pass over one sample, in convolutions and linear layers, biases left out."""


def cost(module: nn.Module, input_shape: tuple[int, ...]) -> Cost:
    """Parameters and multiply-adds of ``module`` on one input of ``input_shape``; it is left as it was.

    Norms, activations and pooling are left out of the multiply-adds, as is usual.
    """
    import torch
    from torch import nn

    multiply_adds = 0

    def count(layer: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal multiply_adds
        assert isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
        # Each output entry sums over one filter, or one row of a linear layer.
        multiply_adds += output.numel() * layer.weight[0].numel()

    # A copy, so that the module keeps its mode, hooks and statistics; not on the meta device, where the first
    # forward pass of a process imports two seconds' worth of modules.
    probe = copy.deepcopy(module).cpu().eval()
    for layer in probe.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        probe(torch.zeros((1, *input_shape)))
    return Cost(sum(parameter.numel() for parameter in module.parameters()), multiply_adds)


def cost_under(architecture: Architecture, mask: Mask) -> Cost:
    """The cost of the model that ``mask`` leaves: its dead channels are gone, single weights still count."""
    kept = kept_indices(architecture, mask)
    sizes = tuple(
        tuple(size if chosen is None else len(chosen) for size, chosen in zip(shape, kept[name], strict=True))
        for name, shape in architecture.shapes.items()
    )
    return _cost_of_sizes(architecture, sizes)


# Clients come to few sizes, to one where no channels go, and counting takes as long as evaluating does.
@lru_cache(maxsize=4096)
def _cost_of_sizes(architecture: Architecture, sizes: tuple[tuple[int, ...], ...]) -> Cost:
    shapes = zip(architecture.shapes, sizes, strict=True)
    module = architecture.load({name: np.zeros(shape, np.float32) for name, shape in shapes})
    return cost(module, architecture.input_shape)
