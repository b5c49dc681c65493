"""A single linear layer on all features, as in multinomial regression."""

from __future__ import annotations

import math

from torch import Tensor, nn


class _OneLayer(nn.Module):
    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(x.flatten(1))
        return scores


def build(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """A linear layer from prod(input_shape) features to ``outputs``."""
    return _OneLayer(math.prod(input_shape), outputs)
