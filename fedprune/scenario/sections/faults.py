"""``[faults]``: what goes wrong with clients in the rounds of training, drawn by the seed."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from fedprune.plugins import suggest
from fedprune.scenario.errors import shown
from fedprune.scenario.section import Role, Section, is_file_name

Share = Annotated[float, Field(ge=0, le=1)]

RULES = ("always", "periodic")
"""What ``availability`` may be that is no file."""


def _availability(name: str) -> str:
    if name in RULES or is_file_name(name) or name.endswith(".parquet"):
        return name
    raise ValueError(
        f"{shown(name)} is none of {', '.join(RULES)}, nor a Parquet file{suggest(name, list(RULES))}"
    )


class FaultsSection(Section):
    """Shares are of a round's clients, and probabilities for each; nothing goes wrong unless given."""

    ROLE: ClassVar[Role] = Role(for_clients=False)

    dropout: Share = 0.0
    """Share that drops out: it is sampled, and never heard of. Nothing is sent to it."""
    crash: Annotated[Share, Role()] = 0.0
    """Share whose code raises an exception after it received its order."""
    corrupt: Share = 0.0
    """Share whose reply arrives with one bit flipped."""
    replay: Share = 0.0
    """Share whose reply says that it is of the round before, as a reply that is sent again does."""
    stragglers: Share = 0.0
    """Share that is slow in the round."""
    slowdown: Annotated[float, Field(ge=1, le=1e6)] = 10.0
    """How many times as long as otherwise a straggler takes."""
    deadline: Annotated[float, Field(gt=0)] | None = None
    """Simulated seconds after which a reply is late and does not count; none unless given."""
    oversample: Annotated[float, Field(ge=1, le=100)] = 1.0
    """So many times ``run.clients_per_round`` clients are asked, and the first that many to reply count."""
    availability: Annotated[str, AfterValidator(_availability)] = "always"
    """When clients can be sampled: always, periodic, or as a trace in a Parquet file says."""
    period: Annotated[float, Field(gt=0)] = 86400.0
    """Simulated seconds of a period of ``periodic``."""
    available: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Part of each period in which a client can be sampled, of ``periodic``."""

    def asked(self, wanted: int) -> int:
        """How many clients are asked where so many replies are wanted."""
        return math.ceil(wanted * self.oversample - 1e-9)

    def timed(self) -> str | None:
        """The first key that has a meaning only in simulated time; None without any."""
        defaults = self.defaults()
        keys = ("stragglers", "deadline", "oversample", "availability")
        return next((key for key in keys if getattr(self, key) != defaults[key]), None)
