"""``[train]``: how a client trains on its own data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Count, plugin


class TrainSection(PluginSection):
    """Local training; further keys are the optimizer's fields, all of them resolved."""

    KIND, NAMED_BY, SECTION = "optimizers", "optimizer", "train"

    optimizer: Annotated[str, plugin("optimizers")] = "sgd"
    """What takes a step: its own keys stand beside it, as momentum does for sgd."""
    epochs: Count = 5
    """Epochs over its own samples that a client trains in each round in which it takes part."""
    batch_size: Count = 10
    """Samples of a batch; the last batch of an epoch may have fewer."""
    lr: Annotated[float, Field(gt=0)] = 0.01
    """The learning rate, before the factor of [schedule]."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum of absolute weights of convolutions and linear layers."""
    batch_norm_l1: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum of absolute batch-norm scales."""
    group_lasso: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum over output filters of the square root of their size times their norm."""
    quantize: Literal["int8"] | None = None
    """Compute in int8 in local training, with gradients that pass the rounding straight through, so that what
    federates loses nothing when it is exported in int8; never unless given."""
    patience: Count | None = None
    """Local epochs without a better validation accuracy after which training ends, at the best epoch's
    weights; never unless given."""
