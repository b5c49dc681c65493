"""Modules with memory out of a template on the meta device, whole or with fewer channels; names of their
tensors."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from fedprune.models.low_rank import LowRank
from fedprune.types import Arrays, Shapes

ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")


def state(template: nn.Module) -> dict[str, Tensor]:
    """The tensors of the module's state in order, each once: one that several layers share (tied layers)
    goes by the first of its names."""
    found: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in template.state_dict(keep_vars=True).items():
        found.setdefault(id(tensor), (name, tensor))
    return dict(found.values())


def tied_names(module: nn.Module) -> frozenset[str]:
    """Every name of each parameter that has more than one."""
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return frozenset(name for shared in names.values() if len(shared) > 1 for name in shared)


def matrix_names(template: nn.Module, *, embeddings: bool) -> tuple[str, ...]:
    """Names of the weights that multiply something, in order: those of convolutions, linear and bilinear
    layers (or their factors of low rank), recurrent layers and cells and attention, with ``embeddings`` also
    those of embeddings.

    A weight that several layers share is among them when it would be for each of them.
    """
    first: dict[int, str] = {}
    multiplies: dict[int, bool] = {}
    for prefix, layer in template.named_modules():
        for name, parameter in layer.named_parameters(recurse=False):
            first.setdefault(id(parameter), f"{prefix}.{name}" if prefix else name)
            multiplies[id(parameter)] = multiplies.get(id(parameter), True) and _is_matrix(
                layer, name, embeddings
            )
    return tuple(name for key, name in first.items() if multiplies[key])


def _is_matrix(layer: nn.Module, name: str, embeddings: bool) -> bool:
    if isinstance(layer, nn.RNNBase | nn.RNNCellBase):
        return name.startswith("weight")
    if isinstance(layer, LowRank):
        return name != "bias"
    if isinstance(layer, nn.MultiheadAttention):
        return name in ATTENTION
    if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
        return embeddings
    return isinstance(layer, _ConvNd | nn.Linear | nn.Bilinear) and name == "weight"


def uninitialised(template: nn.Module, shapes: Shapes) -> nn.Module:
    """A copy of ``template`` on the CPU whose values are whatever was in memory."""
    return _copy(template, {name: torch.empty(shape) for name, shape in shapes.items()})


def holding(template: nn.Module, weights: Arrays) -> nn.Module:
    """A copy of ``template`` that holds copies of ``weights``, which may have fewer channels."""
    module = _copy(template, {name: torch.tensor(value) for name, value in weights.items()})
    for layer in module.modules():
        _tell_sizes(layer)
    return module


def _copy(template: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """A deep copy of ``template`` in which each named tensor is replaced and what counts begins at zero."""
    memo: dict[int, object] = {}
    for name, old in state(template).items():
        new = tensors[name] if name in tensors else torch.zeros(old.shape, dtype=old.dtype)
        # Prefilling the memo makes deepcopy put the new tensor wherever the module refers to the old one.
        memo[id(old)] = nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new
    return copy.deepcopy(template, memo)


def _tell_sizes(layer: nn.Module) -> None:
    """Let a layer's attributes agree with the sizes of the tensors it holds."""
    if isinstance(layer, _ConvNd) and not layer.transposed:
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
