"""The label shards of Sub-FedAvg: every client gets a few runs of samples that mostly bear one label each.

"Personalized Federated Learning by Structured and Unstructured Pruning under Data Heterogeneity", Saeed
Vahidian, Mahdi Morafah, Bill Lin, ICDCS Workshops 2021, https://arxiv.org/abs/2105.00562; after McMahan et
al., AISTATS 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.undivided import Undivided
from fedprune.seeds import generator
from fedprune.types import Array

PAPER_SIZE = 250
"""Samples per shard in the paper for MNIST and CIFAR-10 (125 for CIFAR-100)."""


@dataclass(frozen=True)
class Shards:
    """Sort the samples by label, cut them into shards and deal each client some at random."""

    shards_per_client: int = 2
    """How many shards each client is dealt, at least 1."""
    shard_size: int | None = None
    """Samples in a shard; unless given PAPER_SIZE, or fewer when that takes more samples than there are."""

    def __post_init__(self) -> None:
        for name in ("shards_per_client", "shard_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PartitionError(f"{name}: must be at least 1, not {value}")

    def divide(self, samples: Undivided, clients: int, seed: int) -> list[Array]:
        """See ``Partitioner``. Samples beyond the dealt shards stay unused."""
        labels = samples.required_labels("shards")
        needed = clients * self.shards_per_client
        size = self._size(len(labels), clients, needed)
        random = generator(seed, "shards")
        # Shuffled first, so that which samples of a label share a shard does not follow the order of the
        # files.
        shuffled = random.permutation(len(labels))
        by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
        shards = len(labels) // size
        cut = by_label[: shards * size].reshape(shards, size)
        dealt = random.permutation(shards)[:needed].reshape(clients, self.shards_per_client)
        return [cut[own].reshape(-1) for own in dealt]

    def _size(self, samples: int, clients: int, needed: int) -> int:
        """Samples in a shard. Raises PartitionError when there are too few samples."""
        if self.shard_size is None:
            size = min(PAPER_SIZE, samples // needed)
            if size == 0:
                raise PartitionError(
                    f"partition 'shards': {samples} samples cannot be cut into {needed} shards, "
                    f"{self.shards_per_client} for each of {clients} clients; lower one of the two"
                )
            return size
        shards = samples // self.shard_size
        if shards < needed:
            raise PartitionError(
                f"partition 'shards': {samples} samples make {shards} shards of {self.shard_size} but "
                f"{clients} clients with {self.shards_per_client} each take {needed}; lower shard_size, "
                "shards_per_client or partition.clients"
            )
        return self.shard_size
