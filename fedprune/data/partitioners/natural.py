"""Natural clients: writers, speakers or sites, each with all of its own samples and nobody else's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.undivided import Undivided
from fedprune.seeds import generator
from fedprune.types import Array


@dataclass(frozen=True)
class Natural:
    """Each client is a natural one, drawn at random among those with enough samples."""

    min_samples: int = 1
    """Who has fewer samples than this is left out."""

    def divide(self, samples: Undivided, clients: int, seed: int) -> list[Array]:
        """See ``Partitioner``. The samples of those who are not drawn stay unused."""
        owners = samples.required_owners("natural")
        names, owner, counts = np.unique(owners, return_inverse=True, return_counts=True)
        able = np.flatnonzero(counts >= self.min_samples)
        if len(able) < clients:
            raise PartitionError(
                f"partition 'natural': {len(able)} of {len(names)} natural clients have min_samples = "
                f"{self.min_samples} samples, but partition.clients = {clients}; lower one of the two"
            )
        by_owner = np.split(np.argsort(owner, kind="stable"), np.cumsum(counts)[:-1])
        drawn = np.sort(generator(seed, "natural clients").permutation(able)[:clients])
        return [by_owner[own] for own in drawn]
