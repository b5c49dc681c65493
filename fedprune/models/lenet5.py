"""LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: 2 convolutions, 3 linear layers.

62,006 parameters on CIFAR-10, 62,050 with batch norm, as in Sub-FedAvg.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from fedprune.models._sizes import pooled_map


class LeNet5(nn.Module):
    """Takes float32 (batch, channels, height, width), gives logits (batch, classes)."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, batch_norm: bool) -> None:
        super().__init__()
        height, width = pooled_map("lenet5", input_shape, kernel=5)
        self.conv1 = nn.Conv2d(input_shape[0], 6, 5)
        self.bn1 = nn.BatchNorm2d(6) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.bn2 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
        self.fc1 = nn.Linear(16 * height * width, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        # Rectifying after pooling gives the same numbers as before it, on a quarter of the entries.
        x = relu(max_pool2d(self.bn1(self.conv1(x)), 2))
        x = relu(max_pool2d(self.bn2(self.conv2(x)), 2))
        x = relu(self.fc1(x.flatten(1)))
        x = relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, *, batch_norm: bool = False) -> nn.Module:
    """LeNet-5 for inputs of at least 16 by 16; ``batch_norm`` adds one after each convolution."""
    return LeNet5(input_shape, num_classes, batch_norm)
