"""Which clients can be asked at a moment of the simulated clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from fedprune.scenario import Scenario
from fedprune.seeds import generator
from fedprune.types import Array, Bools, UserError

STEPS = 1000
"""Moments of a cycle at which is looked whether anybody has come."""


class Availability(Protocol):
    """Who is there when."""

    @property
    def cycle(self) -> float:
        """Seconds after which everything comes again."""
        ...

    def there(self, now: float) -> Bools:
        """Whether each client can be asked at ``now``, in simulated seconds since the run began; shape
        (clients,)."""
        ...


@dataclass(frozen=True)
class Periodic:
    """Every client is there for the same part of each period, from a moment of its own on."""

    period: float
    share: float
    """Part of the period, in (0, 1]."""
    starts: Array
    """Seconds into the period at which each client comes, float64 of shape (clients,)."""

    @classmethod
    def drawn(cls, period: float, share: float, clients: int, seed: int) -> Periodic:
        """Clients that come at moments drawn by the seed."""
        return cls(period, share, generator(seed, "availability").uniform(0, period, clients))

    @property
    def cycle(self) -> float:
        return self.period

    def there(self, now: float) -> Bools:
        found: Bools = (now - self.starts) % self.period < self.share * self.period
        return found


@dataclass(frozen=True)
class Traced:
    """Clients come and go as a trace of real devices has it.

    The trace is FedScale's (Lai et al.: FedScale: Benchmarking Model and System Performance of Federated
    Learning at Scale, ICML 2022, https://arxiv.org/abs/2105.11367), read as its ``ClientMetadata.is_active``
    does: client c follows row c, rows are taken in turn, and a row begins again after its ``finish_time``.
    """

    rows: Sequence[tuple[Array, Array, float]]
    """When the device comes, when it goes (float64, seconds, in pairs), and when the row begins again."""
    clients: int

    @property
    def cycle(self) -> float:
        return max(finish for _, _, finish in self.rows)

    def there(self, now: float) -> Bools:
        rows = [self.rows[client % len(self.rows)] for client in range(self.clients)]
        return np.array([bool(np.any((come <= now % end) & (now % end <= gone))) for come, gone, end in rows])


def read_trace(path: Path, clients: int) -> Traced:
    """The trace in a Parquet file with FedScale's columns: ``active``, ``inactive`` and ``finish_time``.

    Raises UserError when it cannot be read, lacks a column, or has a row that no device can follow.
    """
    import polars

    try:
        frame = polars.read_parquet(path, columns=["active", "inactive", "finish_time"])
        rows = [
            (np.array(come, np.float64), np.array(gone, np.float64), float(end))
            for come, gone, end in frame.iter_rows()
        ]
    except Exception as error:  # a dozen unrelated types for a broken file
        raise UserError(f"[faults] availability: cannot read the trace {path}: {error}") from None
    for number, (come, gone, end) in enumerate(rows):
        if come.ndim != 1 or come.shape != gone.shape or not end > 0:
            what = "needs as many times in 'active' as in 'inactive', and a 'finish_time' above 0"
            raise UserError(f"[faults] availability: {path}, row {number}: {what}")
    if not rows:
        raise UserError(f"[faults] availability: {path} has no rows")
    return Traced(rows, clients)


def availability_of(scenario: Scenario) -> Availability | None:
    """When a scenario's clients are there; None where they always are. Raises UserError for its trace."""
    faults, clients = scenario.faults, scenario.partition.clients
    if faults.availability == "always":
        return None
    if faults.availability == "periodic":
        return Periodic.drawn(faults.period, faults.available, clients, scenario.run.seed)
    return read_trace(Path(faults.availability), clients)


def soonest(availability: Availability, now: float) -> float:
    """The first moment from ``now`` on at which anybody is there, to a thousandth of a cycle.

    Raises UserError when nobody ever comes.
    """
    for step in range(STEPS + 1):
        moment = now + step * availability.cycle / STEPS
        if availability.there(moment).any():
            return moment
    raise UserError("[faults] availability: no client is ever there")
