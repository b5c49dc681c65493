"""Speeds from a table of measurements: a row for each client."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.clocks import Clock, Rates


@dataclass(frozen=True)
class Table(Clock):
    """Client c has the row c; with fewer rows than clients they are taken in turn, from the first again."""

    seconds_per_multiply_add: tuple[float, ...] = (1e-9,)
    """Of each row, above 0."""
    bytes_per_second_down: tuple[float, ...] = (2.5e6,)
    """Of each row, above 0."""
    bytes_per_second_up: tuple[float, ...] = (6.25e5,)
    """Of each row, above 0."""

    def __post_init__(self) -> None:
        rows = len(self.seconds_per_multiply_add)
        for name in ("seconds_per_multiply_add", "bytes_per_second_down", "bytes_per_second_up"):
            if len(getattr(self, name)) != rows or not rows:
                raise ValueError(f"{name}: {len(getattr(self, name))} rows, the first column has {rows}")
        for client in range(rows):
            self.rates(client, 1, 0)

    def rates(self, client: int, round: int, seed: int) -> Rates:
        row = client % len(self.seconds_per_multiply_add)
        return Rates(
            self.seconds_per_multiply_add[row], self.bytes_per_second_down[row], self.bytes_per_second_up[row]
        )
