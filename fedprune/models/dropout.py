"""Dropout whose draws are keyed: no global generator is read."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fedprune.models import ModelError


class KeyedDropout(nn.Module):
    """Dropout (Srivastava et al., JMLR 2014): in training each entry is zero with probability ``p``, else
    divided by 1 - ``p``; the identity in evaluation mode.

    Draws come from ``generator``, on the CPU, which ``key_dropout`` sets. Raises ModelError for a ``p``
    outside [0, 1), and in training without a generator.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ModelError(f"option 'dropout' = {p}: must lie in [0, 1)")
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if self.generator is None:
            raise ModelError("KeyedDropout trains without a generator: call key_dropout on its model first")
        # Drawn on the CPU, so that draws do not depend on the device.
        kept = (torch.rand(x.shape, generator=self.generator) >= self.p).to(x.device)
        return x * kept / (1 - self.p)


def key_dropout(module: nn.Module, rng: np.random.Generator) -> None:
    """Let every KeyedDropout in ``module`` draw from one torch generator, seeded by ``rng``."""
    layers = [layer for layer in module.modules() if isinstance(layer, KeyedDropout)]
    if layers:
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        for layer in layers:
            layer.generator = generator
