"""``[partition]``: which client holds which samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from fedprune import plugins
from fedprune.scenario.section import Count, OpenSection, plugin


class ShiftSection(OpenSection):
    """How a client's samples differ in more than labels; further keys are the shift's own."""

    name: Annotated[str, plugin("shifts")]
    """The shift: `fedprune list shifts`."""


class PartitionSection(OpenSection):
    """Who holds which samples; further keys are the partitioner's own arguments."""

    name: str = "shards"
    """The partitioner, ours or one of flwr-datasets: `fedprune list partitioners`."""
    clients: Count = 100
    """Clients that there are."""
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each client's samples held out for decisions."""
    test: Literal["labels", "partition", "natural", "global"] = "labels"
    """What a client is tested on: test samples of its labels, its own part of the test set, test samples of
    its natural clients, or all. Without labels the first two are read as the third, or else as the fourth."""
    shift: ShiftSection | None = None
    """What each client's samples go through as they are read; nothing unless given."""

    def plugins(self) -> Iterator[tuple[str, str]]:
        """See ``Section``; a partitioner of flwr-datasets is no plug-in."""
        yield from super().plugins()
        if plugins.is_path(self.name) or self.name in plugins.names("partitioners"):
            yield "partitioners", self.name

    @property
    def arguments(self) -> dict[str, Any]:
        """The keys that are the partitioner's own, with the values that the scenario gives."""
        return self._free()
