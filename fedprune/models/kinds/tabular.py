"""A small residual network for vectors of features: 2 blocks of 2 linear layers on a stream of 64 values.

After the ResNet of Gorishniy et al., Revisiting Deep Learning Models for Tabular Data, NeurIPS 2021.
Departures: layer norms instead of batch norms, since those cannot train on a batch of one sample, which a
client's last batch may be; no dropout.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import relu

from fedprune.models.sizes import scaled


class Block(nn.Module):
    """Normalise, widen, rectify, narrow, and add to the input."""

    def __init__(self, stream: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(stream)
        self.fc1 = nn.Linear(stream, hidden)
        self.fc2 = nn.Linear(hidden, stream)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.fc2(relu(self.fc1(self.norm(x))))
        return added


class Tabular(nn.Module):
    """Takes float32 (batch, *input shape), flattened, gives (batch, outputs)."""

    def __init__(self, features: int, outputs: int, stream: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(features, stream)
        self.block1 = Block(stream, hidden)
        self.block2 = Block(stream, hidden)
        self.norm = nn.LayerNorm(stream)
        self.fc2 = nn.Linear(stream, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block2(self.block1(self.fc1(x.flatten(1))))
        logits: Tensor = self.fc2(relu(self.norm(x)))
        return logits


def build(input_shape: tuple[int, ...], outputs: int, *, width: float = 1.0) -> nn.Module:
    """The network for inputs of any shape; ``width`` multiplies the stream and the hidden units (128)."""
    stream, hidden = scaled("tabular", (64, 128), width)
    return Tabular(math.prod(input_shape), outputs, stream, hidden)
