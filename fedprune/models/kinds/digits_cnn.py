"""A small CNN for 8 by 8 images (scikit-learn's digits): 2 padded 3 by 3 convolutions, 2 linear layers."""

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
    """The network for inputs of at least 4 by 4; ``batch_norm`` adds one after each convolution.

    ``width`` multiplies channels and hidden units; ``low_rank`` is the share of numbers that FedPara's
    factors leave to a layer, 0 for ordinary layers.
    """
    return SmallCNN(
        "digits_cnn",
        input_shape,
        outputs,
        channels=(16, 32),
        hidden=(64,),
        kernel=3,
        padding=1,
        batch_norm=batch_norm,
        width=width,
        low_rank=low_rank,
    )
