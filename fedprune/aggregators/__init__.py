"""How what clients say is combined into one value per coordinate: the contract of an aggregator.

An aggregator is a frozen dataclass in one file of this folder; its fields are the keys of ``[aggregate]`` in
a scenario. What is combined (which parameters, over which clients, weighted or not) is the strategy's part,
and what holds for every rule is done around it: replies come sorted by client, a coordinate that too few
clients hold keeps its old value, and the result is cast once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fedprune.types import Array, Arrays, Bools


@dataclass(frozen=True)
class Ballot:
    """What the clients that carry one parameter say of it, sorted by client; at least one does.

    What a client says of a coordinate that it does not hold is arbitrary and must not be read.
    """

    clients: tuple[int, ...]
    """Their numbers, ascending; the same client has the same number in other ballots."""
    values: tuple[Array, ...]
    """Each client's array, of the parameter's full shape."""
    held: tuple[Bools | None, ...]
    """The coordinates that each client holds; None when it holds all of them."""
    shares: NDArray[np.float64]
    """How much each client counts, shape (clients,): its number of samples, or 1 when all count alike."""
    old: Array = field(default_factory=lambda: np.zeros(()))
    """The server's value before, of the parameter's full shape; zero unless given."""

    def among(self, clients: Collection[int]) -> Ballot:
        """What those of ``clients`` say that carry the parameter; it may be nobody."""
        rows = [row for row, client in enumerate(self.clients) if client in clients]
        return replace(
            self,
            clients=tuple(self.clients[row] for row in rows),
            values=tuple(self.values[row] for row in rows),
            held=tuple(self.held[row] for row in rows),
            shares=self.shares[rows],
        )

    def sorted(self) -> tuple[Array, NDArray[np.intp]]:
        """The holders' values of each coordinate in ascending order, and how many they are.

        Returns:
            An array of shape (clients, *parameter), whose rows beyond the number of holders are NaN, and
            that number, of the parameter's shape.
        """
        values, holders = np.array(self.values), np.zeros(self.values[0].shape, np.intp)
        for row, held in zip(values, self.held, strict=True):
            if held is not None:
                row[~held] = np.nan
            holders += 1 if held is None else held
        values.sort(axis=0)  # NaN goes last.
        return values, holders


@dataclass(frozen=True)
class Aggregator:
    """A rule that works coordinate by coordinate gives ``parameter``; another one overrides ``combine``.

    A rule that turns whole clients away says so in ``heard``: these then hold nothing in this round.
    """

    def heard(self, ballots: Mapping[str, Ballot]) -> Mapping[str, Ballot]:
        """The ballots of the clients that count, all of them by default.

        A coordinate that none of them holds keeps its old value, whoever else holds it. Each ballot that is
        given back must have a client; ``only`` makes them.
        """
        return ballots

    def combine(self, ballots: Mapping[str, Ballot]) -> Arrays:
        """The combined model: float64 by parameter name, arbitrary where no client holds a coordinate.

        Args:
            ballots: by parameter name, what clients say of it; of parameters that somebody carries.
        """
        return {name: self.parameter(ballot) for name, ballot in ballots.items()}

    def parameter(self, ballot: Ballot) -> Array:
        """The combined value of one parameter, float64 of its full shape."""
        raise NotImplementedError


def only(ballots: Mapping[str, Ballot], clients: Collection[int]) -> dict[str, Ballot]:
    """What ``clients`` say; a parameter that none of them carries is left out."""
    found = {name: ballot.among(clients) for name, ballot in ballots.items()}
    return {name: ballot for name, ballot in found.items() if ballot.clients}
