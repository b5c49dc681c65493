"""Partitioner plug-ins: a file with one public frozen dataclass, whose fields are keys of ``[partition]``.

What ``name`` in that section does not find here is looked for among flwr-datasets' partitioners.
"""

from __future__ import annotations

from typing import Protocol

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
