"""``[run]``: how long a run is, how many clients take part, and from which seed."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from fedprune.scenario.errors import shown
from fedprune.scenario.section import Count, Role, Section

_RECORD = Role(changes_results=False, for_clients=False)
"""The role of keys that only say what a run is called and what it writes down."""


def _run_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", name) or ".." in name:
        raise ValueError(
            f"{shown(name)} cannot name a folder; use up to 64 letters, digits, '_', inner '-' and single '.'"
        )
    return name


class RunSection(Section):
    """How long, how many, and from which seed."""

    ROLE: ClassVar[Role] = Role(for_clients=False)

    name: Annotated[str, AfterValidator(_run_name), _RECORD] = "run"
    """Begins the run folder's name; the file's stem unless given."""
    label: Annotated[str, Field(max_length=200), _RECORD] = ""
    """What tables call the run; a sweep writes what it varied."""
    rounds: Annotated[Count, Role()] = 20
    """Rounds of communication."""
    seed: Annotated[int, Field(ge=0, lt=2**63), Role()] = 0
    """What every random draw is keyed by: the same seed gives the same bits."""
    clients_per_round: Count = 10
    """Clients that the server samples in each round; in buffered mode the replies that make a round."""
    mode: Literal["lockstep", "buffered"] = "lockstep"
    """Whether a round waits for all its clients, or takes the first clients_per_round that come of all at
    work."""
    concurrency: Count | None = None
    """Clients at work at a time in buffered mode, which needs it."""
    staleness: Annotated[float, Field(ge=0, le=100)] = 0.5
    """In buffered mode an update from t rounds ago counts (1 + t)^-staleness; 0: all alike."""
    quorum: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the sampled clients that must reply for a round to count."""
    checkpoint_every: Annotated[Count, _RECORD] = 10
    """Rounds between two checkpoints."""
    patience: Count | None = None
    """Rounds without a better mean validation accuracy after which the run ends; never unless given."""
    keep_history: Annotated[bool, _RECORD] = False
    """Whether every accepted mask, and the server's weights at every checkpoint, stay in the run folder."""
