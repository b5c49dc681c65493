"""A small CNN for 8 by 8 images (scikit-learn's digits): 2 padded 3 by 3 convolutions, 2 linear layers."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from fedprune.models._sizes import pooled_map


class DigitsCNN(nn.Module):
    """Takes float32 (batch, channels, height, width), gives logits (batch, classes)."""

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, batch_norm: bool) -> None:
        super().__init__()
        height, width = pooled_map("digits_cnn", input_shape, kernel=3, padding=1)
        self.conv1 = nn.Conv2d(input_shape[0], 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(32) if batch_norm else nn.Identity()
        self.fc1 = nn.Linear(32 * height * width, 64)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        # Rectifying after pooling gives the same numbers as before it, on a quarter of the entries.
        x = relu(max_pool2d(self.bn1(self.conv1(x)), 2))
        x = relu(max_pool2d(self.bn2(self.conv2(x)), 2))
        x = relu(self.fc1(x.flatten(1)))
        logits: Tensor = self.fc2(x)
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, *, batch_norm: bool = False) -> nn.Module:
    """The network for inputs of at least 4 by 4; ``batch_norm`` adds one after each convolution."""
    return DigitsCNN(input_shape, num_classes, batch_norm)
