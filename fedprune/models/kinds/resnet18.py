"""ResNet-18 (He et al., CVPR 2016) in its CIFAR form: a 3 by 3 stem and no max pooling; 4 stages of 2 blocks.

11,173,962 parameters on CIFAR-10 with batch norm.
"""

from __future__ import annotations

from torch import nn

from fedprune.models.kinds._norms import Norm
from fedprune.models.kinds._residual import ResNet


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    norm: Norm = "batch",
    width: float = 1.0,
    low_rank: float = 0.0,
) -> nn.Module:
    """The network for inputs of at least 9 by 9, of any size with group norm.

    ``norm`` is what follows each convolution; ``width`` multiplies channels, in whole groups with group norm;
    ``low_rank`` is the share of numbers that FedPara's factors leave to a 3 by 3 convolution, 0 for ordinary
    ones.
    """
    return ResNet(
        "resnet18",
        input_shape,
        outputs,
        channels=(64, 128, 256, 512),
        blocks=2,
        norm=norm,
        width=width,
        low_rank=low_rank,
    )
