"""Speeds that change from round to round, from a trace of each client."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.clocks import Rates
from fedprune.clocks._typical import Typical


@dataclass(frozen=True)
class Trace(Typical):
    """Client c follows trace c, and in round r its entry r; traces and entries are taken in turn, from the
    first again."""

    slowdown: tuple[tuple[float, ...], ...] = ((1.0,),)
    """The traces: how many times as long as the typical client a client takes for everything, by round."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.slowdown and all(self.slowdown)):
            raise ValueError("slowdown: a trace needs at least one entry")
        for trace in self.slowdown:
            for factor in trace:
                if not 0 < factor <= 1e6:
                    raise ValueError(f"slowdown: must lie in (0, 1000000], got {factor}")

    def rates(self, client: int, round: int, seed: int) -> Rates:
        trace = self.slowdown[client % len(self.slowdown)]
        return self._typical().slower(trace[(round - 1) % len(trace)])
