"""``[uplink]`` and ``[downlink]``: how the messages of each direction are coded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import plugin

Base = Literal["weights", "update", "tracked"]
Feedback = Literal["none", "residual"]


class CodecSection(PluginSection):
    """How one direction is coded; further keys are the quantizer's fields, all of them resolved."""

    KIND, NAMED_BY = "quantizers", "values"

    mask: Annotated[str, plugin("mask_codings")] = "entropy"
    """The coding by which masks become bytes."""
    values: Annotated[str, plugin("quantizers")] = "fp32"
    """The quantizer that turns kept values into symbols and back."""
    entropy: Annotated[str, plugin("entropy_coders")] = "none"
    """The coder that turns the quantizer's symbols into bytes."""
    base: Base = "weights"
    """What values are coded against: nothing; what both sides hold; that and what both track beside."""
    step: Annotated[float, Field(gt=0, le=1)] = 0.1
    """For base = "tracked": share of each decoded difference by which both sides follow."""
    sparsify: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the kept coordinates that travels, the largest of what would be coded."""
    feedback: Feedback = "none"
    """Whether what a message lost is added to the sender's next one."""


class UplinkSection(CodecSection):
    """How the replies of clients to the server are coded."""

    SECTION = "uplink"


class DownlinkSection(CodecSection):
    """How the server's orders are coded."""

    SECTION = "downlink"

    @field_validator("feedback")
    @classmethod
    def _not_twice(cls, feedback: str, info: ValidationInfo) -> str:
        if feedback == "residual" and info.data.get("base") != "weights":
            raise ValueError('only base = "weights" needs it: the next difference holds what this one lost')
        return feedback
