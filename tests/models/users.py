"""Modules as users may write them."""

from __future__ import annotations

MODULES = '''
"""Modules as a user may write them."""

import numpy as np
import torch
from torch import nn


class Good(nn.Module):
    def __init__(self, input_shape, outputs, channels: int = 6):
        super().__init__()
        self.conv = nn.Conv2d(input_shape[0], channels, 3)
        self.head = nn.Linear(channels, outputs)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


class Lazy(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs)
        self.head = nn.LazyLinear(outputs)


class Scaled(Good):
    def __init__(self, input_shape, outputs, *, strength: float):
        super().__init__(input_shape, outputs)
        self.strength = nn.Parameter(torch.full((1,), strength))

    def initial_weights(self, rng):
        return {"strength": rng.normal(size=1)}

    def forward(self, x):
        return super().forward(x) * self.strength


class Unknown(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs)
        self.slope = nn.Parameter(torch.ones(1))


class Viewed(Good):
    """Writes the number of its channels into forward."""

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)).view(-1, 6))


class Mixed(Good):
    """Mixes channels in a function that the graph does not show."""

    def forward(self, x):
        return self.head(self.conv(x).softmax(1).mean((2, 3)))


class Untraceable(Good):
    """Leaves torch in the middle."""

    def forward(self, x):
        inner = self.conv(x).relu().mean((2, 3))
        if torch.is_grad_enabled():
            raise RuntimeError("no gradient\\nthrough this")
        return self.head(inner)


class Misnamed(Scaled):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs, strength=1.0)

    def initial_weights(self, rng):
        return {"strenght": rng.normal(size=1)}


class Broken(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        raise ValueError("cannot be made")


class Loose(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs)
        self.shift = torch.ones(1)

    def forward(self, x):
        return super().forward(x) + self.shift


class Narrow(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs - 1)


class Dropping(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs)
        self.drop = nn.Dropout(0.5)


class Indexed(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs)
        self.register_buffer("order", torch.arange(outputs))


class Hidden(Good):
    def __init__(self, input_shape, outputs):
        super().__init__(input_shape, outputs)
        self.register_buffer("scale", torch.ones(1), persistent=False)


class Tied(nn.Module):
    """Reads and writes with one matrix, and calls the layer between them by two names."""

    def __init__(self, input_shape, outputs):
        super().__init__()
        self.read = nn.Linear(outputs, 6, bias=False)
        self.inner = nn.Linear(6, 6)
        self.again = self.inner
        self.write = nn.Linear(6, outputs)
        self.read.weight = nn.Parameter(self.read.weight.T.contiguous())
        self.write.weight = self.read.weight

    def forward(self, x):
        hidden = x.flatten(1)[:, : len(self.write.weight)] @ self.read.weight
        return self.write(self.again(self.inner(hidden).relu()))


class Tokens(nn.Module):
    """Writes to each token the logits of the next one."""

    def __init__(self, input_shape, outputs, vocabulary):
        super().__init__()
        self.table = nn.Linear(vocabulary, outputs)
        self.vocabulary = vocabulary

    def forward(self, x):
        return self.table(nn.functional.one_hot(x, self.vocabulary).float())


def function(input_shape, outputs):
    return Good(input_shape, outputs)
'''
