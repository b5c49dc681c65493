"""``[partition]``: which client holds which samples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fedprune.scenario.section import Count, OpenSection


class PartitionSection(OpenSection):
    """Who holds which samples; further keys are the partitioner's own arguments."""

    name: str = "shards"
    clients: Count = 100
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each client's samples held out for decisions."""
    test: Literal["labels", "partition", "natural", "global"] = "labels"
    """What a client is tested on: test samples of its labels, its own part of the test set, test samples of
    its natural clients, or all. Without labels the first two are read as the third, or else as the fourth."""
    shift: dict[str, Any] | None = None
    """How a client's samples differ in more than labels: ``name`` of a shift, and its keys."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The partitioner's own arguments."""
        return self._free()
