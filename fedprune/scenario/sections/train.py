"""``[train]``: how a client trains on its own data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fedprune.scenario.section import Count, Section


class TrainSection(Section):
    """Local training, by plain SGD."""

    epochs: Count = 5
    batch_size: Count = 10
    lr: Annotated[float, Field(gt=0)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.5
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """L2 as torch's SGD has it: this times the weights joins the gradient, of all parameters."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum of absolute weights of convolutions and linear layers."""
    batch_norm_l1: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum of absolute batch-norm scales."""
    group_lasso: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum over output filters of the square root of their size times their norm."""
    patience: Count | None = None
    """Local epochs without a better validation accuracy after which training ends, at the best epoch's
    weights; never unless given."""
