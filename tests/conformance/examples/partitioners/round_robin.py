"""Samples are dealt one by one, as cards are."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.data.partitioners import Undivided
from fedprune.seeds import generator
from fedprune.types import Array


@dataclass(frozen=True)
class RoundRobin:
    """Client c gets every sample whose place in a keyed order is c, modulo the number of clients."""

    def divide(self, samples: Undivided, clients: int, seed: int) -> list[Array]:
        """See ``Partitioner``."""
        order = generator(seed, "round robin").permutation(samples.count)
        return [order[client::clients] for client in range(clients)]
