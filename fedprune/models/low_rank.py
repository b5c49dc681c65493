"""FedPara: layers whose weight is the elementwise product of two matrices of low rank.

Hyeon-Woo, Ye-Bin, Oh: FedPara: Low-Rank Hadamard Product for Communication-Efficient Federated Learning, ICLR
2022, https://arxiv.org/abs/2108.06098, propositions 1 (linear layers) and 3 (convolutions). Read against the
authors' code (github.com/South-hw/FedPara_ICLR22, ``FedPara.ipynb``), which has convolutions alone. The rank
is as high as the wanted share of the whole weight's numbers allows, and high enough that the product can have
full rank: at least the root of the smaller side (corollary 1), for kernels of the larger one, as in the code.
Departures:

- The factors begin such that their product has the variance that torch gives the whole weight. There each of
  them begins after He et al., 2015, which leaves the product of six near zero: fine before a norm, but a
  network without norms would hardly learn.
- A layer stays whole where its factors would have no fewer numbers.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from fedprune.models import ModelError
from fedprune.types import Arrays


class LowRank(nn.Module):
    """What both kinds of layers share: ``weight`` is made of the factors anew in each pass."""

    bias: nn.Parameter | None

    @property
    def weight(self) -> Tensor:
        """The whole weight, as an ordinary layer has it."""
        raise NotImplementedError

    def compute(self, x: Tensor, weight: Tensor) -> Tensor:
        """What the layer makes of ``x`` with this whole weight."""
        raise NotImplementedError

    def whole(self) -> nn.Module:
        """An ordinary layer that computes the same, on the CPU, without a gradient."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x, self.weight)

    def initial_weights(self, rng: np.random.Generator) -> Arrays:
        """Normal factors, see the module's docstring, and torch's uniform bias."""
        fan_in = math.prod(self._shape()[1:])
        shapes = {name: value.shape for name, value in self.named_parameters(recurse=False) if name != "bias"}
        rank = shapes["first_out"][1]
        # A linear weight sums over one rank a product of two factors, a kernel over two of three.
        sums, factors = (rank, 2) if len(shapes) == 4 else (rank**2, 3)
        variance = (math.sqrt(1 / (3 * fan_in)) / sums) ** (1 / factors)
        weights = {name: rng.normal(0, math.sqrt(variance), shape) for name, shape in shapes.items()}
        if self.bias is not None:
            bound = 1 / math.sqrt(fan_in)
            weights["bias"] = rng.uniform(-bound, bound, self.bias.shape)
        return weights

    def _shape(self) -> tuple[int, ...]:
        """The shape of the whole weight."""
        raise NotImplementedError


class LowRankLinear(LowRank):
    """Takes (batch, ..., inputs), gives (batch, ..., outputs); W = (X1 Y1^T) * (X2 Y2^T)."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        for which in ("first", "second"):
            self.register_parameter(f"{which}_out", nn.Parameter(torch.empty(outputs, rank)))
            self.register_parameter(f"{which}_in", nn.Parameter(torch.empty(inputs, rank)))
        self.bias = nn.Parameter(torch.empty(outputs))

    first_out: nn.Parameter
    first_in: nn.Parameter
    second_out: nn.Parameter
    second_in: nn.Parameter

    @property
    def weight(self) -> Tensor:
        return (self.first_out @ self.first_in.T) * (self.second_out @ self.second_in.T)

    def compute(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.linear(x, weight, self.bias)

    def whole(self) -> nn.Module:
        outputs, inputs = self._shape()
        made = nn.Linear(inputs, outputs)
        return _holding(made, self)

    def _shape(self) -> tuple[int, ...]:
        return (len(self.first_out), len(self.first_in))


class LowRankConv2d(LowRank):
    """Takes and gives what a convolution without groups does; each of the two kernels of low rank is a core
    (rank, rank, height, width) times a matrix for outputs and one for inputs."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rank: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        for which in ("first", "second"):
            self.register_parameter(f"{which}_core", nn.Parameter(torch.empty(rank, rank, kernel, kernel)))
            self.register_parameter(f"{which}_out", nn.Parameter(torch.empty(outputs, rank)))
            self.register_parameter(f"{which}_in", nn.Parameter(torch.empty(inputs, rank)))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    first_core: nn.Parameter
    first_out: nn.Parameter
    first_in: nn.Parameter
    second_core: nn.Parameter
    second_out: nn.Parameter
    second_in: nn.Parameter

    @property
    def weight(self) -> Tensor:
        first = torch.einsum("xyhw,ox,iy->oihw", self.first_core, self.first_out, self.first_in)
        second = torch.einsum("xyhw,ox,iy->oihw", self.second_core, self.second_out, self.second_in)
        return first * second

    def compute(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)

    def whole(self) -> nn.Module:
        outputs, inputs, kernel, _ = self._shape()
        made = nn.Conv2d(inputs, outputs, kernel, self.stride, self.padding, bias=self.bias is not None)
        return _holding(made, self)

    def _shape(self) -> tuple[int, ...]:
        return (len(self.first_out), len(self.first_in), *self.first_core.shape[2:])


def linear(inputs: int, outputs: int, share: float) -> nn.Module:
    """A linear layer, of factors with about ``share`` of its weights' number; an ordinary one for 0."""
    rank = _rank(inputs, outputs, 1, share)
    if not share or 2 * rank * (inputs + outputs) >= inputs * outputs:
        return nn.Linear(inputs, outputs)
    return LowRankLinear(inputs, outputs, rank)


def conv2d(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    *,
    bias: bool = True,
    share: float,
) -> nn.Module:
    """A convolution, of factors with about ``share`` of its weights' number; an ordinary one for 0."""
    rank = _rank(inputs, outputs, kernel**2, share)
    if not share or 2 * rank * (inputs + outputs + rank * kernel**2) >= inputs * outputs * kernel**2:
        return nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias)
    return LowRankConv2d(inputs, outputs, rank, kernel, stride, padding, bias=bias)


def check_share(model: str, share: float) -> None:
    """Raises ModelError unless ``share``, the option ``low_rank``, lies in [0, 1)."""
    if not 0 <= share < 1:
        raise ModelError(f"model '{model}': option 'low_rank' = {share}: must lie in [0, 1)")


def composed(module: nn.Module) -> nn.Module:
    """``module`` with an ordinary layer in the place of each one of factors; itself where there is none."""
    if not any(isinstance(layer, LowRank) for layer in module.modules()):
        return module
    made = copy.deepcopy(module)
    for name, layer in list(made.named_modules()):
        if isinstance(layer, LowRank):
            parent, _, own = name.rpartition(".")
            setattr(made.get_submodule(parent), own, layer.whole())
    return made


def _rank(inputs: int, outputs: int, area: int, share: float) -> int:
    """The rank of both halves of a weight (outputs, inputs, area).

    For kernels it solves 2 (rank (inputs + outputs) + rank^2 area) = share outputs inputs area, for matrices
    2 rank (inputs + outputs) = share outputs inputs.
    """
    both, wanted = inputs + outputs, share * inputs * outputs * area
    if area == 1:
        return max(math.ceil(math.sqrt(min(inputs, outputs))), math.ceil(wanted / (2 * both)))
    half = both / (2 * area)
    found = math.ceil(math.sqrt(half**2 + wanted / (2 * area)) - half)
    return max(math.ceil(math.sqrt(max(inputs, outputs))), found)


def _holding(layer: nn.Linear | nn.Conv2d, factors: LowRank) -> nn.Module:
    with torch.no_grad():
        layer.weight.copy_(factors.weight)
        if layer.bias is not None and factors.bias is not None:
            layer.bias.copy_(factors.bias)
    return layer.requires_grad_(False)
