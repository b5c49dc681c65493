"""How often a module's channels are silent: what their readers are given of them, seen by hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import nn

from fedprune.compute.evaluate import BATCH
from fedprune.compute.model import LocalModel
from fedprune.compute.request import ActivityRequest
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, layer_of


def activity(request: ActivityRequest) -> Arrays:
    """``zero_shares`` of the requested model, at full size, so that what is pruned counts as zeros too."""
    state = request.model
    weights = state.mask.apply(state.weights)
    model = LocalModel(state.architecture, weights, Mask(), state.task, state.device)
    return zero_shares(model.module, state.architecture.groups, request.samples[0])


def zero_shares(module: nn.Module, groups: Sequence[ChannelGroup], x: torch.Tensor) -> Arrays:
    """Group's name -> share of exact zeros among all that its readers are given of each channel, float64
    of shape (channels,), over samples ``x`` (n, ...).

    The module has full size and is evaluated, not trained. Readers (the layers with a slice along axis 1 in
    the group) see what its activation function and pooling made of a channel, whether these are layers or
    plain functions. Several readers count with all their entries. Entries are counted as integers, so the
    result does not depend on batches.
    """
    module.eval()
    zeros: dict[str, torch.Tensor] = {
        group.name: torch.zeros(group.size, dtype=torch.int64, device=x.device) for group in groups
    }
    entries: Counter[str] = Counter()
    hooks = []
    for group in groups:
        for reader in [layer_of(name) for name, axis, _ in group.members if axis == 1]:

            def count(
                layer: nn.Module, inputs: tuple[torch.Tensor, ...], group: ChannelGroup = group
            ) -> None:
                # (n, channels x span, ...) -> (n, channels, rest)
                given = inputs[0].movedim(-1, 1) if isinstance(layer, nn.Linear) else inputs[0]
                seen = given.reshape(len(given), group.size, -1)
                zeros[group.name] += (seen == 0).sum(dim=(0, 2))
                entries[group.name] += seen.numel() // group.size

            hooks.append(module.get_submodule(reader).register_forward_pre_hook(count))
    try:
        with torch.inference_mode():
            for start in range(0, len(x), BATCH):
                module(x[start : start + BATCH])
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (counts.cpu().double() / max(entries[name], 1)).numpy() for name, counts in zeros.items()}
