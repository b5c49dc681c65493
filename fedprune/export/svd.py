"""Layers of a module factored by their singular values: two thin layers in the place of a wide one.

A linear layer's matrix W (out, in) is replaced by the product of U (out, r) and V (r, in) of its truncated
singular value decomposition, the best of rank r (Eckart and Young, 1936). A convolution's kernel is seen as
the matrix (out, in x height x width): a convolution with r filters, then one of 1 by 1 (Denton et al.,
Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation, NeurIPS 2014).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def factored(module: nn.Module, energy: float) -> nn.Module:
    """A copy of ``module`` in evaluation mode whose layers keep ``energy`` of their squared singular values.

    Each convolution without groups and each linear layer gets the lowest rank that keeps at least this share,
    in (0, 1]. A layer stays as it is where two thin ones would have no fewer weights.
    """
    made = copy.deepcopy(module).eval()
    for name, layer in list(made.named_modules()):
        if type(layer) is nn.Linear or (type(layer) is nn.Conv2d and layer.groups == 1):
            thin = _factored_layer(layer, energy)
            if thin is not None:
                parent, _, own = name.rpartition(".")
                setattr(made.get_submodule(parent), own, thin)
    return made


def _factored_layer(layer: nn.Linear | nn.Conv2d, energy: float) -> nn.Sequential | None:
    """Two layers that compute what ``layer`` does, nearly; None where they would have no fewer weights."""
    matrix = layer.weight.detach().double().flatten(1)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    rank = _rank(values, energy)
    if rank * (matrix.shape[0] + matrix.shape[1]) >= matrix.numel():
        return None
    # The root of each singular value to either side keeps both factors at the same scale.
    roots = values[:rank].sqrt()
    first, second = roots[:, None] * right[:rank], left[:, :rank] * roots
    if isinstance(layer, nn.Linear):
        thin: tuple[nn.Linear | nn.Conv2d, nn.Linear | nn.Conv2d] = (
            nn.Linear(layer.in_features, rank, bias=False),
            nn.Linear(rank, layer.out_features, bias=layer.bias is not None),
        )
    else:
        thin = (
            nn.Conv2d(
                layer.in_channels,
                rank,
                layer.kernel_size,  # type: ignore[arg-type]  # torch keeps it as a longer tuple
                layer.stride,  # type: ignore[arg-type]
                layer.padding,  # type: ignore[arg-type]
                layer.dilation,  # type: ignore[arg-type]
                bias=False,
                padding_mode=layer.padding_mode,
            ),
            nn.Conv2d(rank, layer.out_channels, 1, bias=layer.bias is not None),
        )
    for part, value in zip(thin, (first, second), strict=True):
        part.weight = _parameter(value.reshape(part.weight.shape))
    if layer.bias is not None:
        thin[1].bias = _parameter(layer.bias)
    return nn.Sequential(*thin)


def _rank(values: Tensor, energy: float) -> int:
    """The lowest rank, at least 1, that keeps this share of the sum of squared singular values."""
    kept = values.square().cumsum(0)
    # A matrix of zeros has nothing to keep.
    return 1 + int((kept < energy * kept[-1]).sum()) if kept[-1] > 0 else 1


def _parameter(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value.detach().float().clone(), requires_grad=False)
