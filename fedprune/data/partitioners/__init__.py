"""Partitioner plug-ins: a file with one public frozen dataclass, whose fields are keys of ``[partition]``.

What ``name`` in that section does not find here is looked for among flwr-datasets' partitioners.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from fedprune.data.undivided import Undivided as Undivided
from fedprune.types import Array


class Partitioner(Protocol):
    """A way to divide training samples among clients; its fields are keys of ``[partition]``."""

    def divide(self, samples: Undivided, clients: int, seed: int) -> list[Array]:
        """One int64 array of sample indices for each of ``clients`` clients, disjoint and never empty.

        Every random draw is keyed by ``seed``; samples may stay unused. Raises PartitionError, saying why,
        when these samples cannot be divided so.
        """
        ...


@runtime_checkable
class Drawing(Partitioner, Protocol):
    """A partitioner that draws each client's samples for it alone, so that any number of clients can be had.

    Two clients may have the same sample. Where a partitioner has this method, ``divide`` is not called.
    """

    def draw(self, samples: Undivided, client: int, seed: int, *, beside: Undivided | None = None) -> Array:
        """int64 sample indices of one client, each once; never empty where samples are for training.

        Args:
            samples: those for training, or, where clients have test samples of their own, those for testing.
            client: whose samples are drawn, from 0.
            seed: keys every draw, together with the client.
            beside: the samples for training, where ``samples`` are those for testing: the client is to have
                labels in the same shares among both.
        """
        ...
