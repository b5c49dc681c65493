"""A multilayer perceptron: linear layers with ReLU between them, on the flattened input of any shape."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import relu

from fedprune.models import ModelError
from fedprune.models.dropout import KeyedDropout


class MLP(nn.Module):
    """Takes float32 (batch, *input shape), gives (batch, outputs); its layers are fc1, fc2, ..."""

    def __init__(self, sizes: list[int], dropout: float) -> None:
        super().__init__()
        self.depth = len(sizes) - 1
        for layer in range(1, self.depth + 1):
            self.add_module(f"fc{layer}", nn.Linear(sizes[layer - 1], sizes[layer]))
        self.dropout = KeyedDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for layer in range(1, self.depth):
            x = self.dropout(relu(self.get_submodule(f"fc{layer}")(x)))
        logits: Tensor = self.get_submodule(f"fc{self.depth}")(x)
        return logits


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    hidden: list[int] | None = None,
    dropout: float = 0.0,
) -> nn.Module:
    """A perceptron with ``hidden`` layers of these sizes, by default 128 and 64; none with an empty list.

    ``dropout`` is the probability in [0, 1) with which hidden units are dropped in training.
    """
    sizes = [128, 64] if hidden is None else hidden
    if any(size < 1 for size in sizes):
        raise ModelError(
            f"model 'mlp': option 'hidden' = {sizes}: every hidden layer needs at least one unit"
        )
    return MLP([math.prod(input_shape), *sizes, outputs], dropout)
