"""Dividing samples: a bundled set's test split, clients' validation samples, test samples among clients."""

from __future__ import annotations

import numpy as np

from fedprune.seeds import generator
from fedprune.types import Array


def hold_out(samples: list[Array], share: float, seed: int) -> tuple[list[Array], list[Array]]:
    """Each client's samples as sorted (training, validation) indices; validation is floor(share * n), keyed.

    With ``share`` below 1 a client always keeps a sample for training.
    """
    training, validation = [], []
    for client, own in enumerate(samples):
        # 0.29 * 100 is 28.999... in binary.
        count = int(share * len(own) + 1e-9)
        if count:
            own = generator(seed, "validation", client=client).permutation(np.sort(own))
        training.append(np.sort(own[count:]))
        validation.append(np.sort(own[:count]))
    return training, validation


def fifth_for_testing(name: str, labels: Array) -> Array:
    """Bools (N,): which samples of the set ``name`` are its test split where none is published.

    A fifth of each label's samples (rounded down), keyed by the set's name and the label. ``labels`` is int64
    (N,).
    """
    test = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = generator(0, f"{name} test {label}").permutation(members)
        test[order[: len(members) // 5]] = True
    return test


def divide_test(histogram: Array, test_labels: Array, seed: int) -> list[Array]:
    """The test samples dealt out so that each label goes to clients in proportion to their samples of it.

    ``histogram`` int64 (clients, labels): samples of each label a client has; ``test_labels`` int64 (N,).
    Shares are rounded by the largest remainder, equal remainders in a keyed order; a label that no client has
    stays unused. Returns one sorted int64 index array per client, which may be empty when there are many
    clients.
    """
    clients = len(histogram)
    owner = np.full(len(test_labels), -1)
    for label in np.unique(test_labels):
        weights = histogram[:, label].astype(np.int64)
        if not weights.any():
            continue
        images = np.flatnonzero(test_labels == label)
        random = generator(seed, f"test split {label}")
        counts = _apportion(len(images), weights, random.permutation(clients))
        owner[random.permutation(images)] = np.repeat(np.arange(clients), counts)
    by_owner = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[by_owner], np.arange(clients))
    return np.split(by_owner, starts)[1:]


def natural_test(samples: list[Array], owners: Array, test_owners: Array) -> list[Array]:
    """For each client the sorted indices of the test samples that belong to owners of its training samples.

    ``owners`` and ``test_owners`` (N,) name who each training and test sample belongs to.
    """
    return [np.flatnonzero(np.isin(test_owners, np.unique(owners[own]))) for own in samples]


def _apportion(seats: int, weights: Array, order: Array) -> Array:
    """Whole numbers that sum to ``seats``, as near as can be to its shares by weight (Hamilton's method)."""
    total = int(weights.sum())
    counts: Array = weights * seats // total
    remainders = weights * seats % total
    largest = order[np.argsort(-remainders[order], kind="stable")]
    counts[largest[: seats - int(counts.sum())]] += 1
    return counts
