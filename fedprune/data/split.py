"""Dividing samples: a bundled set's test split, clients' validation samples, test samples among clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fedprune.seeds import generator
from fedprune.types import Array


def hold_out(samples: list[Array], share: float, seed: int) -> tuple[list[Array], list[Array]]:
    """The samples of each client in turn as ``held_out`` divides them: (training, validation)."""
    divided = [held_out(own, share, seed, client) for client, own in enumerate(samples)]
    return [training for training, _ in divided], [validation for _, validation in divided]


def held_out(own: Array, share: float, seed: int, client: int) -> tuple[Array, Array]:
    """A client's samples as sorted (training, validation) indices; validation is floor(share * n), keyed.

    With ``share`` below 1 a client always keeps a sample for training.
    """
    # 0.29 * 100 is 28.999... in binary.
    count = int(share * len(own) + 1e-9)
    if count:
        own = generator(seed, "validation", client=client).permutation(np.sort(own))
    return np.sort(own[count:]), np.sort(own[:count])


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


def keyed_tenth(owners: Array, purpose: str) -> Array:
    """Bools (N,): a random tenth (rounded down) of each owner's samples, keyed by ``purpose`` and the owner.

    ``owners`` (N,) names who each sample belongs to.
    """
    test = np.zeros(len(owners), np.bool_)
    for owner, own in _by_owner(owners):
        test[generator(0, f"{purpose} {owner}").permutation(own)[: len(own) // 10]] = True
    return test


def last_tenth(owners: Array, gap: int) -> tuple[Array, Array]:
    """Bools (N,) each: training samples, and as test samples the last tenth (rounded down) of each owner's.

    The ``gap`` samples of an owner before its test samples are neither. An owner who would be left without a
    training sample has no test samples. ``owners`` (N,) names who each sample belongs to.
    """
    training, test = np.zeros(len(owners), np.bool_), np.zeros(len(owners), np.bool_)
    for _, own in _by_owner(owners):
        first = len(own) - len(own) // 10
        if first > gap and first < len(own):
            training[own[: first - gap]] = True
            test[own[first:]] = True
        else:
            training[own] = True
    return training, test


def _by_owner(owners: Array) -> Iterator[tuple[Any, Array]]:
    """Each owner with the indices of its samples, in order."""
    names, owner = np.unique(owners, return_inverse=True)
    cuts = np.cumsum(np.bincount(owner))[:-1]
    yield from zip(names, np.split(np.argsort(owner, kind="stable"), cuts), strict=True)


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
