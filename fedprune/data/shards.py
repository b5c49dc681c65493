"""The label shards of Sub-FedAvg: every client gets a few runs of samples that mostly bear one label each.

"Personalized Federated Learning by Structured and Unstructured Pruning under Data Heterogeneity", Saeed
Vahidian, Mahdi Morafah, Bill Lin, ICDCS Workshops 2021, https://arxiv.org/abs/2105.00562; after McMahan et
al., AISTATS 2017.
"""

from __future__ import annotations

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.seeds import generator
from fedprune.types import Array

PAPER_SIZE = 250
"""Samples per shard in the paper for MNIST and CIFAR-10 (125 for CIFAR-100)."""


def deal_shards(
    labels: Array, clients: int, seed: int, *, shards_per_client: int = 2, shard_size: int | None = None
) -> list[Array]:
    """Sort the samples by label, cut them into shards and deal each client ``shards_per_client`` random ones.

    ``labels`` int64 (N,); returns one int64 index array per client. Without ``shard_size`` a shard holds
    PAPER_SIZE samples, or fewer when that takes more samples than there are. Samples beyond the dealt shards
    stay unused.

    Raises PartitionError when there are too few samples.
    """
    _require_positive("shards_per_client", shards_per_client)
    needed = clients * shards_per_client
    if shard_size is None:
        shard_size = min(PAPER_SIZE, len(labels) // needed)
        if shard_size == 0:
            raise PartitionError(
                f"partition 'shards': {len(labels)} samples cannot be cut into {needed} shards, "
                f"{shards_per_client} for each of {clients} clients; lower one of the two"
            )
    _require_positive("shard_size", shard_size)
    shards = len(labels) // shard_size
    if shards < needed:
        raise PartitionError(
            f"partition 'shards': {len(labels)} samples make {shards} shards of {shard_size} but {clients} "
            f"clients with {shards_per_client} each take {needed}; lower shard_size, shards_per_client or "
            "partition.clients"
        )
    random = generator(seed, "shards")
    # Shuffled first, so that which samples of a label share a shard does not follow the order of the files.
    shuffled = random.permutation(len(labels))
    by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
    cut = by_label[: shards * shard_size].reshape(shards, shard_size)
    dealt = random.permutation(shards)[:needed].reshape(clients, shards_per_client)
    return [cut[own].reshape(-1) for own in dealt]


def _require_positive(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise PartitionError(
            f"partition 'shards': {name} must be a whole number of at least 1, not {value!r}"
        )
