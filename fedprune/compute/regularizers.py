"""Regularizers of local training: penalties whose subgradients join the loss's gradient.

Each is a term of the local objective of its own, apart from weight decay and from one another; like weight
decay they pass through momentum and learning rate. Only what lives is counted and moved: where a weight is
zero, pruned or not, its subgradient here is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from fedprune.compute.model import LocalModel


@dataclass(frozen=True)
class Regularizers:
    """Strengths, each at least 0; 0 is none.

    - ``l1``: times the sum of absolute weights of convolutions and linear layers (Tibshirani 1996).
    - ``batch_norm_l1``: times the sum of absolute batch-norm scales (Liu et al., "Learning Efficient
      Convolutional Networks through Network Slimming", ICCV 2017).
    - ``group_lasso``: times the sum over output filters (rows of a linear layer) of the square root of the
      filter's number of alive weights times their Euclidean norm (Yuan and Lin 2006; on filters Wen et al.,
      "Learning Structured Sparsity in Deep Neural Networks", NeurIPS 2016).
    """

    l1: float = 0.0
    batch_norm_l1: float = 0.0
    group_lasso: float = 0.0


NONE = Regularizers()


class Penalty:
    """The regularizers on one model: what is the same in each step is made once."""

    def __init__(self, strengths: Regularizers, model: LocalModel) -> None:
        self._model = model
        scales = [
            f"{name}.weight" for name, layer in model.module.named_modules() if isinstance(layer, _BatchNorm)
        ]
        weights = [name for name in model.architecture.prunable if name in model.parameters]
        by_name = dict.fromkeys(weights, strengths.l1) | dict.fromkeys(scales, strengths.batch_norm_l1)
        self._absolute = _spread(model, by_name) if any(by_name.values()) else None
        self._filters = [
            _Filters.of(model, name, strengths.group_lasso) for name in weights if strengths.group_lasso
        ]

    def add_gradient(self) -> None:
        """Add the subgradient at the model's weights to its ``gradient``."""
        model = self._model
        if self._absolute is not None:
            model.gradient.addcmul_(self._absolute, model.flat.sign())
        for filters in self._filters:
            filters.add_gradient()


@dataclass(frozen=True)
class _Filters:
    """One layer's weights as rows, with views into the model's buffers."""

    rows: torch.Tensor
    gradient: torch.Tensor
    strength: torch.Tensor
    """(rows, 1): the strength times the square root of what lives in each row."""

    @classmethod
    def of(cls, model: LocalModel, name: str, strength: float) -> _Filters:
        piece, count = model.pieces[name], model.parameters[name].shape[0]
        alive = model.alive[piece].view(count, -1)
        return cls(
            model.flat[piece].view(count, -1),
            model.gradient[piece].view(count, -1),
            strength * alive.sum(1, keepdim=True).sqrt(),
        )

    def add_gradient(self) -> None:
        norm = torch.linalg.vector_norm(self.rows, dim=1, keepdim=True)
        self.gradient.addcmul_(self.rows, torch.where(norm > 0, self.strength / norm, 0.0))


def _spread(model: LocalModel, by_name: dict[str, float]) -> torch.Tensor:
    """A vector laid out as ``flat`` with each parameter's number at all its coordinates, else zero."""
    vector = torch.zeros_like(model.flat)
    for name, value in by_name.items():
        if name in model.pieces:
            vector[model.pieces[name]] = value
    return vector
