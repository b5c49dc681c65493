"""LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: 2 convolutions, 3 linear layers.

62,006 parameters on CIFAR-10, 62,050 with batch norm, as in Sub-FedAvg.
"""

from __future__ import annotations

from torch import nn

from fedprune.models.kinds._small_cnn import SmallCNN


def build(
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    batch_norm: bool = False,
    width: float = 1.0,
    dropout: float = 0.0,
    low_rank: float = 0.0,
) -> nn.Module:
    """LeNet-5 for inputs of at least 16 by 16; ``batch_norm`` adds one after each convolution.

    ``width`` multiplies channels and hidden units; ``dropout`` is the probability in [0, 1) with which hidden
    units of the linear layers are dropped in training; ``low_rank`` is the share of numbers that FedPara's
    factors leave to a layer, 0 for ordinary layers.
    """
    return SmallCNN(
        "lenet5",
        input_shape,
        outputs,
        channels=(6, 16),
        hidden=(120, 84),
        kernel=5,
        batch_norm=batch_norm,
        width=width,
        dropout=dropout,
        low_rank=low_rank,
    )
