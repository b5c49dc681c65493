"""Initial weights: keyed by a seed alone, in the distribution that torch's own ``reset_parameters`` draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from fedprune.models import ModelError
from fedprune.seeds import generator
from fedprune.types import Array, Arrays, Shapes

PURPOSE = "initial-weights"

Rule = Callable[[nn.Module, str, tuple[int, ...], np.random.Generator], Array]
"""Gives a tensor its initial value, from its layer, its name there, its shape and a generator."""


def initial_weights(template: nn.Module, shapes: Shapes, seed: int) -> Arrays:
    """float32 arrays of ``shapes``, keyed by ``seed``.

    Convolutions and linear layers draw from one stream in the order of the module's state, as do modules that
    define ``initial_weights`` themselves; every other layer's tensor draws from a stream of its own, named
    after it, which no other layer of the model moves. What modules define themselves comes before torch's
    distributions, and the outer module's word before the inner one's. A tensor with several names (tied
    layers) is drawn once, for the first layer that has it.

    Raises ModelError for a tensor of which neither its module nor ``RULES`` knows how it begins.
    """
    stream = generator(seed, PURPOSE)
    weights: Arrays = {}
    for prefix, layer in template.named_modules():
        start = f"{prefix}." if prefix else ""
        for name, value in _defined(layer, start, shapes, stream).items():
            weights.setdefault(name, value)
        for name, value in _reset_inside(layer, start, seed).items():
            weights.setdefault(name, value)
        own = [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
        for name, _ in own:
            full = start + name
            if full in shapes and full not in weights:
                weights[full] = _initial(layer, name, full, shapes[full], stream, seed)
    return {name: weights[name] for name in shapes}


def _defined(layer: nn.Module, start: str, shapes: Shapes, stream: np.random.Generator) -> Arrays:
    """What a module says of its own initial weights, by names in the whole model."""
    define = getattr(layer, "initial_weights", None)
    found = {start + name: value for name, value in define(stream).items()} if callable(define) else {}
    for name, value in found.items():
        if name not in shapes or np.shape(value) != shapes[name]:
            raise ModelError(
                f"initial_weights of {type(layer).__name__} gives '{name}' {np.shape(value)}, "
                f"which is {shapes.get(name, 'no parameter of it')}"
            )
    return {name: np.asarray(value, np.float32) for name, value in found.items()}


def _reset_inside(layer: nn.Module, start: str, seed: int) -> Arrays:
    """What torch's containers reset in the layers that they hold, by names in the whole model."""
    if isinstance(layer, nn.Transformer):
        matrices = {name: value for name, value in layer.named_parameters() if value.dim() > 1}
        return {
            start + name: _xavier_uniform(tuple(value.shape), generator(seed, f"{PURPOSE} {start + name}"))
            for name, value in matrices.items()
        }
    if isinstance(layer, nn.MultiheadAttention) and layer.out_proj.bias is not None:
        return {f"{start}out_proj.bias": np.zeros(layer.out_proj.bias.shape, np.float32)}
    return {}


def _initial(
    layer: nn.Module,
    name: str,
    full: str,
    shape: tuple[int, ...],
    stream: np.random.Generator,
    seed: int,
) -> Array:
    """The tensor ``name`` of ``layer``, which is called ``full`` in the whole model."""
    if isinstance(layer, _ConvNd | nn.Linear):
        # One stream for all of these: the first bits of every model that there was before the others.
        return _uniform(1 / math.sqrt(layer.weight.shape[1:].numel()), shape, stream)
    for kinds, rule in RULES:
        if isinstance(layer, kinds):
            return rule(layer, name, shape, generator(seed, f"{PURPOSE} {full}")).astype(np.float32)
    raise ModelError(
        f"no initial distribution is known for '{full}' of a layer of type {type(layer).__name__}; "
        "let the model's class define initial_weights(rng), which returns arrays by parameter name"
    )


def _uniform(bound: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def _xavier_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return _uniform(math.sqrt(6 / _fans(shape)), shape, rng)


def _fans(shape: tuple[int, ...]) -> int:
    """Fan-in plus fan-out, after Glorot and Bengio, AISTATS 2010, as torch counts them."""
    return (shape[0] + shape[1]) * math.prod(shape[2:])


def _norm(layer: nn.Module, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """A norm begins as the identity: scales and running variances are 1, all else is 0."""
    return np.full(shape, name in ("weight", "running_var"))


def _recurrent(layer: nn.Module, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    assert isinstance(layer.hidden_size, int)
    return _uniform(1 / math.sqrt(layer.hidden_size), shape, rng)


def _embedding(layer: nn.Module, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    assert isinstance(layer, nn.Embedding | nn.EmbeddingBag)
    table = rng.standard_normal(shape)
    if layer.padding_idx is not None:
        table[layer.padding_idx] = 0
    return table


def _bilinear(layer: nn.Module, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    assert isinstance(layer, nn.Bilinear)
    return _uniform(1 / math.sqrt(layer.weight.shape[1]), shape, rng)


def _attention(layer: nn.Module, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if name == "in_proj_bias":
        return np.zeros(shape)
    if name in ("bias_k", "bias_v"):
        return rng.standard_normal(shape) * math.sqrt(2 / _fans(shape))
    return _xavier_uniform(shape, rng)


def _slope(layer: nn.Module, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    assert isinstance(layer, nn.PReLU)
    return np.full(shape, layer.init)


RULES: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    ((_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm), _norm),
    ((nn.RNNBase, nn.RNNCellBase), _recurrent),
    ((nn.Embedding, nn.EmbeddingBag), _embedding),
    ((nn.Bilinear,), _bilinear),
    ((nn.MultiheadAttention,), _attention),
    ((nn.PReLU,), _slope),
)
"""How the own tensors of a layer of some kinds begin, beside those of convolutions and linear layers."""
