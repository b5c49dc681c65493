"""``LocalModel``: a client's torch model over what is alive, with parameters and gradients in one flat
buffer."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from fedprune.models import Architecture
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import scatter, shrink, take
from fedprune.types import Arrays

ALIGNMENT = 16
"""Floats between starts of parameters in the flat buffer: 64 bytes, a cache line, as torch's own allocator
gives."""


class LocalModel:
    """``weights`` under ``mask`` as a physically shrunk module.

    Every parameter is a view into ``flat`` and its gradient a view into ``gradient``, so that an optimizer
    step, clearing gradients and holding pruned coordinates at zero are each one operation, whatever the
    number of layers. Pruned coordinates that remain after shrinking are zero here and are held at zero by
    ``hold_pruned``.
    """

    def __init__(self, architecture: Architecture, weights: Arrays, mask: Mask) -> None:
        self.architecture = architecture
        self.module, self._kept = shrink(architecture, weights, mask)
        parameters = dict(self.module.named_parameters())
        size = sum(_padded(parameter.numel()) for parameter in parameters.values())
        self.flat, self.gradient = torch.zeros(size), torch.zeros(size)
        self._alive = self._flatten(parameters, mask)

    def _flatten(self, parameters: dict[str, nn.Parameter], mask: Mask) -> torch.Tensor | None:
        """Move parameters into the flat buffer; the alive coordinates as 0/1 floats, None where all are."""
        alive = torch.ones_like(self.flat)
        small = take({name: kept for name, kept in mask.items() if name in parameters}, self._kept)
        start = 0
        for name, parameter in parameters.items():
            piece = slice(start, start + parameter.numel())
            self.flat[piece] = parameter.data.reshape(-1)
            parameter.data = self.flat[piece].view(parameter.shape)
            parameter.grad = self.gradient[piece].view(parameter.shape)
            if name in small:
                alive[piece] = torch.from_numpy(small[name].astype(np.float32)).reshape(-1)
            start += _padded(parameter.numel())
        return None if bool(alive.all()) else alive

    def hold_pruned(self) -> None:
        """Set pruned coordinates back to zero."""
        if self._alive is not None:
            self.flat.mul_(self._alive)

    def weights(self) -> Arrays:
        """The model in full coordinates, float32, zeros where pruned; an independent copy."""
        small = {
            name: value.detach().numpy().copy()
            for name, value in self.module.state_dict().items()
            if name in self.architecture.shapes
        }
        return scatter(small, self._kept, self.architecture.shapes)


def _padded(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
