"""Any bundled model on data that suit it, whether it takes values or token ids."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fedprune import plugins
from fedprune.models import Architecture, architecture

LENGTH = 12
"""Tokens of a sample."""


def takes(name: str) -> Mapping[str, inspect.Parameter]:
    """What the model's ``build`` takes, by name."""
    return inspect.signature(plugins.load("models", name).build).parameters


def takes_tokens(name: str) -> bool:
    """Whether the model takes token ids."""
    return "vocabulary" in takes(name)


def described(
    name: str,
    shape: tuple[int, ...],
    outputs: int,
    options: Mapping[str, Any] | None = None,
    *,
    per_position: bool = False,
) -> Architecture:
    """The model for values of ``shape``; for LENGTH tokens, as many as outputs, where it takes tokens."""
    if not takes_tokens(name):
        return architecture(name, shape, outputs, options)
    return architecture(name, (LENGTH,), outputs, options, vocabulary=outputs, per_position=per_position)


def batch(made: Architecture, samples: int) -> Tensor:
    """Random samples as the model takes them."""
    rng, shape = np.random.default_rng(0), (samples, *made.input_shape)
    values = rng.normal(size=shape) if made.vocabulary is None else rng.integers(made.vocabulary, size=shape)
    return torch.from_numpy(values.astype(made.input_dtype))
