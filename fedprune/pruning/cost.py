"""What a model costs: parameters, and multiply-adds for one sample."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.models import Architecture
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import kept_indices

if TYPE_CHECKING:
    from torch import Tensor, nn


TRAINED = 3
"""Forward passes that training on a sample costs: its own, and a backward pass that costs as much as two.

Kaplan et al.: Scaling Laws for Neural Language Models, 2020, https://arxiv.org/abs/2001.08361, section 2.1.
"""


@dataclass(frozen=True)
class Cost:
    """What a module costs as it physically is: a weight that is merely zero counts like any other."""

    parameters: int
    """How many trainable parameters the module has."""
    multiply_adds: int
    """Multiply-adds of a forward pass over one sample, see ``multiply_adds``."""


def cost(module: nn.Module, example: Tensor) -> Cost:
    """Parameters and multiply-adds of ``module`` on ``example``, a batch of one sample; it is left as it was.

    Multiply-adds are those of the layers that ``multiply_adds`` knows.
    """
    import torch

    counted = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor], output: Any) -> None:
        nonlocal counted
        counted += multiply_adds(layer, (*inputs, *named.values()), output)

    # A copy, so that the module keeps its mode, hooks and statistics; not on the meta device, where the first
    # forward pass of a process imports two seconds' worth of modules.
    probe = copy.deepcopy(module).cpu().eval()
    for layer in probe.modules():
        layer.register_forward_hook(count, with_kwargs=True)
    with torch.inference_mode():
        probe(example)
    return Cost(sum(parameter.numel() for parameter in module.parameters()), counted)


def multiply_adds(layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> int:
    """Multiply-adds of one call of ``layer``, without those of layers inside it.

    Counted are convolutions, linear and bilinear layers, recurrent layers (their matrices at every step) and
    attention (its four matrices, and every query with every key, a causal mask or none), without biases. A
    layer of low rank counts as the ordinary one that is made of it once, before all queries. As
    is usual, norms, activations, gates of recurrent layers, softmax and pooling are left out. A look-up in
    an embedding multiplies nothing.
    """
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    from fedprune.models.low_rank import LowRank

    if isinstance(layer, _ConvNd) and layer.transposed:
        return inputs[0].numel() * layer.weight[0].numel()  # each input entry is spread by one filter
    if isinstance(layer, _ConvNd | nn.Linear | nn.Bilinear | LowRank):
        return int(output.numel()) * layer.weight[0].numel()  # each output entry sums over one filter or row
    if isinstance(layer, nn.RNNBase | nn.RNNCellBase):
        matrices = sum(value.numel() for name, value in layer.named_parameters() if name.startswith("weight"))
        return math.prod(inputs[0].shape[:-1]) * matrices
    if isinstance(layer, nn.MultiheadAttention):
        return _attention(layer, *inputs[:3])
    return 0


def _attention(layer: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor) -> int:
    """Multiply-adds of attention over (batch, length, size), or (length, batch, size)."""
    batch, length = (0, 1) if layer.batch_first else (1, 0)
    queries, keys, size = query.shape[length], key.shape[length], query.shape[2]
    matrices = 2 * queries * size * size + keys * size * (key.shape[2] + value.shape[2])
    # Each pair of a query and a key: the score, and the value that is added with this weight.
    return query.shape[batch] * (matrices + 2 * queries * keys * size)


def cost_under(architecture: Architecture, mask: Mask) -> Cost:
    """The cost of the model that ``mask`` leaves: its dead channels are gone, single weights still count."""
    kept = kept_indices(architecture, mask)
    sizes = tuple(
        tuple(size if chosen is None else len(chosen) for size, chosen in zip(shape, kept[name], strict=True))
        for name, shape in architecture.shapes.items()
    )
    return _cost_of_sizes(architecture, sizes)


@lru_cache(maxsize=64)  # Each reply is compared with it.
def whole_cost(architecture: Architecture) -> Cost:
    """The cost of the model with all of its channels."""
    return cost_under(architecture, Mask())


# Clients come to few sizes, to one where no channels go, and counting takes as long as evaluating does.
@lru_cache(maxsize=4096)
def _cost_of_sizes(architecture: Architecture, sizes: tuple[tuple[int, ...], ...]) -> Cost:
    shapes = zip(architecture.shapes, sizes, strict=True)
    module = architecture.load({name: np.zeros(shape, np.float32) for name, shape in shapes})
    return cost(module, architecture.example())
