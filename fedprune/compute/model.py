"""``LocalModel``: a client's torch model over what is alive, with parameters and gradients in one flat
buffer."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import nn

from fedprune.models import Architecture
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import scatter, shrink, take
from fedprune.tasks import Task
from fedprune.types import Array, Arrays

CPU = torch.device("cpu")

ALIGNMENT = 16
"""Floats between starts of parameters in the flat buffer: 64 bytes, a cache line, as torch's own allocator
gives."""


class LocalModel:
    """``weights`` under ``mask`` as a physically shrunk module, and what else trains with it.

    Every parameter is a view into ``flat``, at ``pieces[name]``, and its gradient one into ``gradient``, so
    that an optimizer step, clearing gradients and holding pruned coordinates at zero are each one operation,
    whatever the number of layers. ``alive`` is 1.0 where a coordinate of ``flat`` lives and 0.0 where one is
    pruned that remains after shrinking: it is zero here and is held at zero by ``hold_pruned``. Entries of
    ``weights`` that the architecture does not know are in ``extra``, by name: parameters that a loss of the
    method's own makes use of. What the model is to learn, ``task`` says. All tensors are on ``device``, what
    comes out as numpy arrays is on the CPU.
    """

    def __init__(
        self,
        architecture: Architecture,
        weights: Arrays,
        mask: Mask,
        task: Task,
        device: torch.device = CPU,
    ) -> None:
        self.architecture, self.task, self.device = architecture, task, device
        known = {name: value for name, value in weights.items() if name in architecture.shapes}
        self.module, self._kept = shrink(architecture, known, mask)
        self.module.to(device)
        self.extra = {
            name: nn.Parameter(torch.tensor(value, device=device))
            for name, value in weights.items()
            if name not in known
        }
        self.parameters = {**dict(self.module.named_parameters()), **self.extra}
        self.pieces = self._layout()
        size = max((piece.stop for piece in self.pieces.values()), default=0)
        self.flat, self.gradient = (torch.zeros(_padded(size), device=device) for _ in range(2))
        self._flatten()
        alive = self._alive_under(mask)
        self._dense = bool(alive.all())
        self.alive = alive.to(device)
        self._still: list[tuple[torch.Tensor, torch.Tensor]] = []

    def _layout(self) -> dict[str, slice]:
        pieces, start = {}, 0
        for name, parameter in self.parameters.items():
            pieces[name] = slice(start, start + parameter.numel())
            start += _padded(parameter.numel())
        return pieces

    def _flatten(self) -> None:
        """Move parameters into the flat buffer."""
        for name, parameter in self.parameters.items():
            piece = self.pieces[name]
            self.flat[piece] = parameter.data.reshape(-1)
            parameter.data = self.flat[piece].view(parameter.shape)
            parameter.grad = self.gradient[piece].view(parameter.shape)

    def _alive_under(self, mask: Mask) -> torch.Tensor:
        """1.0 where a coordinate of ``flat`` lives, 0.0 where it is pruned."""
        alive = torch.ones(self.flat.shape)
        covered = {name: kept for name, kept in mask.items() if name in self.parameters}
        for name, kept in take(covered, self._kept).items():
            alive[self.pieces[name]] = torch.from_numpy(kept.astype(np.float32)).reshape(-1)
        return alive

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The task's loss of a batch's ``outputs``: the mean over the batch, a scalar with a graph."""
        return self.task.loss(outputs, targets)

    def hold_pruned(self) -> None:
        """Set pruned coordinates back to zero."""
        if not self._dense:
            self.flat.mul_(self.alive)

    def train_only(self, names: Collection[str]) -> None:
        """From now on let only these parameters have gradients; see ``hold_still`` for the others."""
        for name, parameter in self.parameters.items():
            parameter.requires_grad_(name in names)
            if name not in names:
                piece = self.flat[self.pieces[name]]
                self._still.append((piece, piece.clone()))

    def hold_still(self) -> None:
        """Set parameters that do not train back to what they were: without a gradient they still decay."""
        for piece, before in self._still:
            piece.copy_(before)

    def flat_of(self, arrays: Arrays) -> torch.Tensor:
        """Arrays in full coordinates, laid out as ``flat``; a parameter without one stands as it is."""
        flat = self.flat.clone()
        shared = {name: value for name, value in arrays.items() if name in self.parameters}
        whole = {name: shared.pop(name) for name in list(shared) if name in self.extra}
        for name, value in {**take(shared, self._kept), **whole}.items():
            flat[self.pieces[name]] = torch.tensor(value, device=self.device).reshape(-1)
        return flat

    def is_finite(self) -> bool:
        """Whether all that trained, running statistics too, is finite."""
        tensors = [self.flat, *(buffer for buffer in self.module.buffers() if buffer.is_floating_point())]
        return all(bool(tensor.isfinite().all()) for tensor in tensors)

    def weights(self) -> Arrays:
        """All that trained, in full coordinates, float32, zeros where pruned; an independent copy."""
        small = {
            name: _copied(value)
            for name, value in self.module.state_dict().items()
            if name in self.architecture.shapes
        }
        extra = {name: _copied(value) for name, value in self.extra.items()}
        return {**scatter(small, self._kept, self.architecture.shapes), **extra}

    def gradients(self) -> Arrays:
        """``gradient`` by parameter name, in full coordinates, float32; an independent copy."""
        small = {
            name: _copied(self.gradient[piece].view(self.parameters[name].shape))
            for name, piece in self.pieces.items()
            if name not in self.extra
        }
        return scatter(small, self._kept, self.architecture.shapes)


def _copied(tensor: torch.Tensor) -> Array:
    return np.array(tensor.detach().cpu().numpy())


def _padded(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT
