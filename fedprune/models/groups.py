"""Channels of a model that can be removed as a whole, derived from its dependency graph by torch-pruning."""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn

Member = tuple[str, int, int]
"""(parameter, axis, span): channel c owns the indices [c * span, (c + 1) * span) of that axis."""


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that one layer puts out, or several whose outputs are added, with every parameter slice that
    goes when a channel goes.

    Members are, in this order, the layer's own weight and bias (axis 0), what else goes along axis 0, in the
    model's order (scales, shifts and running statistics of norms, layers whose outputs are added to its own),
    then the columns (axis 1) of the next layers' weights: several per channel after a flatten.

    Where a group norm (of torch, over some channels at a time) follows, what this class calls a channel is
    all the channels that are normalised together: to remove fewer would change the others.
    """

    name: str
    """The first layer whose outputs are the channels."""
    kind: Literal["conv", "linear"]
    size: int
    """How many channels the group has."""
    members: tuple[Member, ...]
    norms: tuple[str, ...]
    """The scales of the norms of these channels, as many as norms follow."""


def channel_groups(module: nn.Module, example: Tensor) -> tuple[ChannelGroup, ...]:
    """The groups of hidden channels of ``module``, in the order of its layers; it is left as it was.

    The graph is that of a forward pass over ``example``, a batch of any values.

    Left out are the outputs of the network, and channels whose slices are not known to be removable one by
    one: those that pass through a grouped convolution, a concatenation, a layer norm, or a layer with
    parameters other than a convolution, a linear layer, a batch or a group norm, and those of a parameter
    that several layers share. A model with layers of low rank has none: a factor belongs to all channels.
    """
    import torch

    from fedprune.models.low_rank import LowRank
    from fedprune.models.modules import tied_names

    if any(isinstance(layer, LowRank) for layer in module.modules()):
        return ()
    tied = tied_names(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch_pruning

        # A copy, since tracing changes modes and flags; on the CPU (with whatever is in memory), since a
        # process's first forward pass on the meta device imports two seconds' worth of modules.
        traced = copy.deepcopy(module).to_empty(device="cpu")
        with torch.enable_grad():
            graph = torch_pruning.DependencyGraph().build_dependency(traced, example_inputs=example)
        # A layer that is not called itself, like the last one inside attention, is not in the graph.
        layers = [(name, layer) for name, layer in traced.named_modules() if layer in graph.module2node]
        found = [_group(graph, traced, name, layer) for name, layer in layers]
    groups: dict[frozenset[Member], ChannelGroup] = {}
    for group in found:
        if group is not None and tied.isdisjoint(name for name, _, _ in group.members):
            # Layers whose outputs are added share one set of channels, which is named by the first of them.
            groups.setdefault(frozenset(group.members), group)
    return tuple(groups.values())


def _group(graph: Any, traced: nn.Module, name: str, layer: nn.Module) -> ChannelGroup | None:
    """The group of ``layer``'s outputs, None when it has none that can be removed."""
    import torch_pruning
    from torch import nn

    kind: Literal["conv", "linear"]
    if isinstance(layer, nn.Linear):
        kind, size, remove = "linear", layer.out_features, torch_pruning.prune_linear_out_channels
    elif isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        kind, size, remove = "conv", layer.out_channels, torch_pruning.prune_conv_out_channels
    else:
        return None
    names = {other: name for name, other in traced.named_modules()}
    found: set[Member] = set()
    together = 1
    for item in graph.get_pruning_group(layer, remove, idxs=list(range(size))).items:
        part = _members(graph, names, item, size)
        if part is None:
            return None
        found.update(part)
        together = math.lcm(together, _normalised_together(item, size))
    if size % together or not any(axis == 1 for _, axis, _ in found):
        return None  # the latter are the network's outputs
    state = traced.state_dict()
    if any(state[parameter].shape[axis] != size * span for parameter, axis, span in found):
        return None  # these channels are only some of those along that axis, as after a concatenation
    # The graph's order is that of a search; that of the state is the same wherever it is derived.
    order = {parameter: place for place, parameter in enumerate(state)}
    members = sorted(
        found, key=lambda member: (member[1], not member[0].startswith(f"{name}."), order[member[0]])
    )
    scales = {
        f"{names[other]}.weight"
        for other in names
        if isinstance(other, nn.modules.batchnorm._BatchNorm | nn.GroupNorm)
    }
    return ChannelGroup(
        name,
        kind,
        size // together,
        tuple((parameter, axis, span * together) for parameter, axis, span in members),
        tuple(parameter for parameter, _, _ in members if parameter in scales),
    )


def _members(graph: Any, names: dict[nn.Module, str], item: Any, size: int) -> list[Member] | None:
    """The members that one item of a dependency group stands for, None for one that cannot be followed."""
    from torch import nn

    layer = item.dep.target.module
    span, rest = divmod(len(item.idxs), size)
    channels = [channel for channel in range(size) for _ in range(span)]
    if rest or list(item.idxs) != list(range(size * span)) or list(item.root_idxs) != channels:
        return None
    if layer not in names:
        return None if isinstance(layer, nn.Parameter) else []
    own: tuple[str, ...] = ("weight", "bias")
    axis = 0
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):
        own = ("weight", "bias", "running_mean", "running_var")
    elif (
        isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) and getattr(layer, "groups", 1) == 1
    ):
        if not graph.is_out_channel_pruning_fn(item.dep.handler):
            own, axis = ("weight",), 1
    elif not isinstance(layer, nn.GroupNorm):
        normalises = isinstance(layer, nn.LayerNorm | nn.RMSNorm | nn.LocalResponseNorm)
        return None if normalises or layer.state_dict() else []
    return [(f"{names[layer]}.{name}", axis, span) for name in own if getattr(layer, name) is not None]


def _normalised_together(item: Any, size: int) -> int:
    """How many channels the layer of this item normalises together."""
    from torch import nn

    layer = item.dep.target.module
    if not isinstance(layer, nn.GroupNorm):
        return 1
    of_one, span = layer.num_channels // layer.num_groups, len(item.idxs) // size
    return of_one // math.gcd(of_one, span)
