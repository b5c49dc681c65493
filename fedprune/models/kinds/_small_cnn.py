"""What the small image networks share: 2 convolutions, each with ReLU and max pooling, then linear layers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from fedprune.models.dropout import KeyedDropout
from fedprune.models.low_rank import check_share, conv2d, linear
from fedprune.models.sizes import pooled_map, scaled


class SmallCNN(nn.Module):
    """Takes float32 (batch, channels, height, width), gives (batch, outputs).

    ``channels`` and ``hidden`` are the sizes of the convolutions and hidden linear layers at ``width`` 1;
    ``dropout`` follows each hidden linear layer; ``low_rank`` is the share of numbers that FedPara leaves to
    all layers but the last, 0 for ordinary ones.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, ...],
        outputs: int,
        *,
        channels: tuple[int, int],
        hidden: Sequence[int],
        kernel: int,
        padding: int = 0,
        batch_norm: bool,
        width: float,
        dropout: float = 0.0,
        low_rank: float = 0.0,
    ) -> None:
        super().__init__()
        check_share(name, low_rank)
        rows, columns = pooled_map(name, input_shape, kernel, padding=padding)
        first, second = scaled(name, channels, width)
        self.conv1 = conv2d(input_shape[0], first, kernel, padding=padding, share=low_rank)
        self.bn1 = nn.BatchNorm2d(first) if batch_norm else nn.Identity()
        self.conv2 = conv2d(first, second, kernel, padding=padding, share=low_rank)
        self.bn2 = nn.BatchNorm2d(second) if batch_norm else nn.Identity()
        sizes = [second * rows * columns, *scaled(name, hidden, width), outputs]
        self.depth = len(sizes) - 1
        for layer in range(1, self.depth + 1):
            share = low_rank if layer < self.depth else 0.0
            self.add_module(f"fc{layer}", linear(sizes[layer - 1], sizes[layer], share))
        self.dropout = KeyedDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        # Rectifying after pooling gives the same numbers as before it, on a quarter of the entries.
        x = relu(max_pool2d(self.bn1(self.conv1(x)), 2))
        x = relu(max_pool2d(self.bn2(self.conv2(x)), 2)).flatten(1)
        for layer in range(1, self.depth):
            x = self.dropout(relu(self.get_submodule(f"fc{layer}")(x)))
        logits: Tensor = self.get_submodule(f"fc{self.depth}")(x)
        return logits
