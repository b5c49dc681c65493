"""The MNIST network of Sub-FedAvg (Vahidian et al., 2021): 2 convolutions, 2 linear layers.

21,840 parameters on 28 by 28 images of one channel.
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
    low_rank: float = 0.0,
) -> nn.Module:
    """The network for inputs of at least 16 by 16; ``batch_norm`` adds one after each convolution.

    ``width`` multiplies channels and hidden units; ``low_rank`` is the share of numbers that FedPara's
    factors leave to a layer, 0 for ordinary layers.
    """
    return SmallCNN(
        "mnist_cnn",
        input_shape,
        outputs,
        channels=(10, 20),
        hidden=(50,),
        kernel=5,
        batch_norm=batch_norm,
        width=width,
        low_rank=low_rank,
    )
