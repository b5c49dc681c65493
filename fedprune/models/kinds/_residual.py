"""Residual networks for small images: a 3 by 3 stem, stages of basic blocks, average pooling, one linear
layer.

Shortcuts that change the shape are projections, a strided 1 by 1 convolution with a norm (option B of He et
al.), since channels padded with zeros (option A) could not be removed one by one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, relu

from fedprune.models.kinds._norms import Norm, norm_layer, unit
from fedprune.models.low_rank import check_share, conv2d
from fedprune.models.sizes import image_size, scaled


class BasicBlock(nn.Module):
    """Two 3 by 3 convolutions with norms, added to their input; ``stride`` is the first one's."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm, low_rank: float) -> None:
        super().__init__()
        self.conv1 = conv2d(inputs, outputs, 3, stride, padding=1, bias=False, share=low_rank)
        self.norm1 = norm_layer(norm, outputs)
        self.conv2 = conv2d(outputs, outputs, 3, padding=1, bias=False, share=low_rank)
        self.norm2 = norm_layer(norm, outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(OrderedDict(conv=projection, norm=norm_layer(norm, outputs)))

    def forward(self, x: Tensor) -> Tensor:
        inner = relu(self.norm1(self.conv1(x)))
        return relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class ResNet(nn.Module):
    """Takes float32 (batch, channels, height, width), gives (batch, outputs).

    ``channels`` are those of each stage at ``width`` 1; every stage but the first begins by halving the map.
    ``low_rank`` is the share of numbers that FedPara leaves to the blocks' 3 by 3 convolutions.
    Raises ModelError for inputs too small: a batch norm cannot train on one sample of a 1 by 1 map.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, ...],
        outputs: int,
        *,
        channels: Sequence[int],
        blocks: int,
        norm: Norm,
        width: float,
        low_rank: float,
    ) -> None:
        super().__init__()
        check_share(name, low_rank)
        smallest = 2 ** (len(channels) - 1) + 1 if norm == "batch" else 1
        image_size(name, input_shape, smallest, advice="; or set model.norm = 'group'")
        sizes = scaled(name, channels, width, multiple=unit(norm))
        self.conv = nn.Conv2d(input_shape[0], sizes[0], 3, padding=1, bias=False)
        self.norm = norm_layer(norm, sizes[0])
        self.blocks: list[str] = []
        inputs = sizes[0]
        for stage, size in enumerate(sizes):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                self.blocks.append(f"stage{stage + 1}block{block + 1}")
                self.add_module(self.blocks[-1], BasicBlock(inputs, size, stride, norm, low_rank))
                inputs = size
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.norm(self.conv(x)))
        for block in self.blocks:
            x = self.get_submodule(block)(x)
        logits: Tensor = self.fc(adaptive_avg_pool2d(x, 1).flatten(1))
        return logits
