"""VGG-11 (Simonyan and Zisserman, ICLR 2015) in its CIFAR form: 8 convolutions with norms, one linear layer.

9,228,362 parameters on CIFAR-10 with batch norm. Convolutions have no bias, since a norm follows each.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from fedprune.models.kinds._norms import Norm, norm_layer, unit
from fedprune.models.low_rank import check_share, conv2d
from fedprune.models.sizes import pooled_map, scaled

CHANNELS = (64, 128, 256, 256, 512, 512, 512, 512)
POOLED = frozenset({1, 2, 4, 6, 8})
"""Convolutions that a 2 by 2 max pooling follows, from 1."""


class VGG11(nn.Module):
    """Takes float32 (batch, channels, height, width), gives (batch, outputs)."""

    def __init__(
        self, input_shape: tuple[int, ...], outputs: int, norm: Norm, width: float, low_rank: float
    ) -> None:
        super().__init__()
        check_share("vgg11", low_rank)
        rows, columns = pooled_map("vgg11", input_shape, kernel=3, padding=1, stages=len(POOLED))
        sizes = [input_shape[0], *scaled("vgg11", CHANNELS, width, multiple=unit(norm))]
        for layer in range(1, len(sizes)):
            inputs, size = sizes[layer - 1], sizes[layer]
            self.add_module(f"conv{layer}", conv2d(inputs, size, 3, padding=1, bias=False, share=low_rank))
            self.add_module(f"norm{layer}", norm_layer(norm, sizes[layer]))
        self.fc = nn.Linear(sizes[-1] * rows * columns, outputs)

    def forward(self, x: Tensor) -> Tensor:
        for layer in range(1, len(CHANNELS) + 1):
            x = self.get_submodule(f"norm{layer}")(self.get_submodule(f"conv{layer}")(x))
            x = relu(max_pool2d(x, 2) if layer in POOLED else x)
        logits: Tensor = self.fc(x.flatten(1))
        return logits


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    norm: Norm = "batch",
    width: float = 1.0,
    low_rank: float = 0.0,
) -> nn.Module:
    """The network for inputs of at least 32 by 32.

    ``norm`` is what follows each convolution; ``width`` multiplies channels, in whole groups with group norm;
    ``low_rank`` is the share of numbers that FedPara's factors leave to a 3 by 3 convolution, 0 for ordinary
    ones.
    """
    return VGG11(input_shape, outputs, norm, width, low_rank)
