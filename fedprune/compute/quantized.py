"""Training in int8: layers compute with rounded weights and inputs, gradients pass the rounding straight
through.

Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
CVPR 2018, with the straight-through estimator of Bengio, Leonard, Courville, 2013,
https://arxiv.org/abs/1308.3432. The grids are those of an exported int8 file (``fedprune.export.int8``):
weights from -64 to 64 with a scale for each output, which folding a norm's scale into them does not change;
inputs of layers from 0 to 255 with one scale and zero point. Departure: in training the range of an input is
that of the batch; a file has the range of all training samples.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from fedprune.models.low_rank import LowRank

WEIGHT_MOST = 64
INPUT_MOST = 255
SMALLEST = 1e-8
"""The smallest scale: of weights or inputs that are all zero."""


def quantize_in_training(module: nn.Module) -> None:
    """From now on let every convolution and linear layer of ``module`` compute on the grids of int8.

    Parameters stay float32: they are what the rounded weights are made of in each pass, and what travels.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.forward = partial(_linear, layer)  # type: ignore[method-assign]
        elif isinstance(layer, nn.Conv2d):
            layer.forward = partial(_conv2d, layer)  # type: ignore[method-assign]
        elif isinstance(layer, LowRank):
            layer.forward = partial(_low_rank, layer)  # type: ignore[method-assign]


def rounded_weight(weight: Tensor) -> Tensor:
    """A weight (outputs, ...) on the grid of its outputs, with a gradient of 1."""
    scale = (weight.detach().flatten(1).abs().amax(1) / WEIGHT_MOST).clamp_min(SMALLEST)
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -WEIGHT_MOST, WEIGHT_MOST)


def rounded_input(x: Tensor) -> Tensor:
    """An input of a layer on the grid of the batch's range, which holds zero, with a gradient of 1."""
    low, high = x.detach().min().clamp_max(0), x.detach().max().clamp_min(0)
    scale = ((high - low) / INPUT_MOST).clamp_min(SMALLEST)
    zero = (-low / scale).round().to(torch.int32)
    return torch.fake_quantize_per_tensor_affine(x, scale, zero, 0, INPUT_MOST)


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return nn.functional.linear(rounded_input(x), rounded_weight(layer.weight), layer.bias)


def _conv2d(layer: nn.Conv2d, x: Tensor) -> Tensor:
    # The layer's own way to pad, stride and dilate.
    outputs: Tensor = layer._conv_forward(rounded_input(x), rounded_weight(layer.weight), layer.bias)
    return outputs


def _low_rank(layer: LowRank, x: Tensor) -> Tensor:
    return layer.compute(rounded_input(x), rounded_weight(layer.weight))
