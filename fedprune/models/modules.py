"""Modules with memory out of a template on the meta device, whole or with fewer channels; initial weights."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from fedprune.models import ModelError
from fedprune.seeds import generator
from fedprune.types import Array, Arrays, Shapes


def weight_names(template: nn.Module) -> tuple[str, ...]:
    """Names of the weights of all convolutions and linear layers, in order."""
    layers = [
        (name, layer) for name, layer in template.named_modules() if isinstance(layer, _ConvNd | nn.Linear)
    ]
    return tuple(f"{name}.weight" if name else "weight" for name, _ in layers)


def uninitialised(template: nn.Module, shapes: Shapes) -> nn.Module:
    """A copy of ``template`` on the CPU whose values are whatever was in memory."""
    return _copy(template, {name: torch.empty(shape) for name, shape in shapes.items()})


def holding(template: nn.Module, weights: Arrays) -> nn.Module:
    """A copy of ``template`` that holds copies of ``weights``, which may have fewer channels."""
    module = _copy(template, {name: torch.tensor(value) for name, value in weights.items()})
    for layer in module.modules():
        _tell_sizes(layer)
    return module


def initial_weights(template: nn.Module, shapes: Shapes, seed: int) -> Arrays:
    """float32 arrays of ``shapes``, keyed by ``seed`` and drawn in the order of the module's state.

    Weights and biases of convolutions and linear layers are uniform in +-1/sqrt(fan-in), which is what
    torch's ``reset_parameters`` draws; norms begin as the identity. What modules define themselves comes
    before that, and the outer module's word before the inner one's.
    """
    rng = generator(seed, "initial-weights")
    weights: Arrays = {}
    for prefix, layer in template.named_modules():
        for name, value in _defined(layer, rng).items():
            full = f"{prefix}.{name}" if prefix else name
            if full not in shapes or np.shape(value) != shapes[full]:
                raise ModelError(
                    f"initial_weights of {type(layer).__name__} gives '{full}' {np.shape(value)}, "
                    f"which is {shapes.get(full, 'no parameter of it')}"
                )
            weights.setdefault(full, np.asarray(value, np.float32))
        own = [
            name for name, _ in [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
        ]
        for name in own:
            full = f"{prefix}.{name}" if prefix else name
            if full in shapes and full not in weights:
                weights[full] = _initial(layer, name, full, shapes[full], rng)
    return {name: weights[name] for name in shapes}


def _defined(layer: nn.Module, rng: np.random.Generator) -> dict[str, Array]:
    """What a user's module says of its own initial weights."""
    define = getattr(layer, "initial_weights", None)
    return dict(define(rng)) if callable(define) else {}


def _initial(
    layer: nn.Module, name: str, full: str, shape: tuple[int, ...], rng: np.random.Generator
) -> Array:
    if isinstance(layer, _ConvNd | nn.Linear):
        bound = 1 / math.sqrt(layer.weight.shape[1:].numel())
        return rng.uniform(-bound, bound, shape).astype(np.float32)
    if isinstance(layer, _BatchNorm | nn.GroupNorm | nn.LayerNorm):
        return np.full(shape, name in ("weight", "running_var"), np.float32)
    raise ModelError(
        f"no initial distribution is known for '{full}' of a layer of type {type(layer).__name__}; "
        "let the model's class define initial_weights(rng), which returns arrays by parameter name"
    )


def _copy(template: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """A deep copy of ``template`` in which each named tensor is replaced and what counts begins at zero."""
    memo: dict[int, object] = {}
    for name, old in template.state_dict(keep_vars=True).items():
        new = tensors[name] if name in tensors else torch.zeros(old.shape, dtype=old.dtype)
        # Prefilling the memo makes deepcopy put the new tensor wherever the module refers to the old one.
        memo[id(old)] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
    return copy.deepcopy(template, memo)


def _tell_sizes(layer: nn.Module) -> None:
    """Let a layer's attributes agree with the sizes of the tensors it holds."""
    if isinstance(layer, _ConvNd):
        layer.out_channels, layer.in_channels = layer.weight.shape[0], layer.weight.shape[1] * layer.groups
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    elif isinstance(layer, _BatchNorm) and layer.running_mean is not None:
        layer.num_features = layer.running_mean.shape[0]
    elif isinstance(layer, nn.GroupNorm) and layer.affine:
        # Only whole groups are removed, so that what is left is normalised as before.
        of_one = layer.num_channels // layer.num_groups
        layer.num_channels = layer.weight.shape[0]
        layer.num_groups = layer.num_channels // of_one
