"""The MNIST network of Sub-FedAvg (Vahidian et al., 2021): 2 convolutions, 2 linear layers.

21,840 parameters on 28 by 28 images of one channel.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from fedprune.models._sizes import pooled_map


class MnistCNN(nn.Module):
    """Takes float32 (batch, channels, height, width), gives logits (batch, classes)."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, batch_norm: bool) -> None:
        super().__init__()
        height, width = pooled_map("mnist_cnn", input_shape, kernel=5)
        self.conv1 = nn.Conv2d(input_shape[0], 10, 5)
        self.bn1 = nn.BatchNorm2d(10) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.bn2 = nn.BatchNorm2d(20) if batch_norm else nn.Identity()
        self.fc1 = nn.Linear(20 * height * width, 50)
        self.fc2 = nn.Linear(50, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        # Rectifying after pooling gives the same numbers as before it, on a quarter of the entries.
        x = relu(max_pool2d(self.bn1(self.conv1(x)), 2))
        x = relu(max_pool2d(self.bn2(self.conv2(x)), 2))
        x = relu(self.fc1(x.flatten(1)))
        logits: Tensor = self.fc2(x)
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, *, batch_norm: bool = False) -> nn.Module:
    """The network for inputs of at least 16 by 16; ``batch_norm`` adds one after each convolution."""
    return MnistCNN(input_shape, num_classes, batch_norm)
