"""The part of a data set that each client has: dealt to all clients at once, or drawn when asked for."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fedprune.data.labels import Labels
from fedprune.data.partitioners import Drawing
from fedprune.data.split import held_out
from fedprune.data.undivided import Undivided
from fedprune.types import Array

FIRST = 200
"""Clients that a manifest lists where it does not list all: no file grows with those that exist."""


@dataclass(frozen=True, eq=False)
class Partition(ABC):
    """The samples of every client, as index arrays into a data set.

    ``bears`` are the labels of all samples: of a set whose samples bear none, label 0 for each. Equal
    partitions have equal ``hash``.
    """

    LISTED: ClassVar[int] = 10_000
    """Up to so many clients are all listed in a manifest."""

    settings: Mapping[str, Any]
    bears: Labels
    hash: str

    @property
    def clients(self) -> int:
        """How many clients share the data set."""
        return int(self.settings["clients"])

    @abstractmethod
    def train(self, client: int) -> Array:
        """Sorted int64 indices of the client's training samples, never empty."""

    @abstractmethod
    def validation(self, client: int) -> Array:
        """Sorted int64 indices, into the training samples of the data set, held out from training."""

    @abstractmethod
    def _own_test(self, client: int) -> Array:
        """Sorted int64 indices of test samples that are the client's own."""

    def test(self, client: int) -> Array:
        """Sorted int64 indices of the client's test samples; with test = "partition" there may be none."""
        if self.settings["test"] == "labels":
            return np.flatnonzero(np.isin(self.bears.test, self.labels(client)))
        if self.settings["test"] == "global":
            return np.arange(len(self.bears.test))
        return self._own_test(client)

    def labels(self, client: int) -> Array:
        """Sorted int64 labels of the client's training samples."""
        return np.unique(self.bears.train[self.train(client)])

    def counts(self, client: int) -> dict[str, int]:
        """Label -> how many training samples of the client bear it; empty where samples bear none."""
        return self._counted(self.train(client))

    def only(self, client: int) -> DealtPartition:
        """This partition as one client may know it: its own indices, those of its test samples too."""
        own = {"train": self.train(client), "validation": self.validation(client), "test": self.test(client)}
        after = np.arange(self.clients + 1) > client
        flat = {part: indices.astype(np.int32) for part, indices in own.items()}
        offsets = {part: after * len(indices) for part, indices in own.items()}
        return DealtPartition.of(self.settings, flat, offsets, self.bears)

    def manifest(self) -> dict[str, Any]:
        """JSON-able: settings, hash, what labels are, and per client how many samples it has.

        Those for training by label too, except where samples bear none. Of more than LISTED clients only the
        FIRST are listed.
        """
        listed = range(self.clients if self.clients <= self.LISTED else FIRST)
        return {
            "settings": dict(self.settings),
            "hash": self.hash,
            "labels": self.bears.kind,
            "clients": [self._sizes(client) for client in listed],
        }

    def _sizes(self, client: int) -> dict[str, Any]:
        own = self.train(client)
        return {
            "train": len(own),
            "validation": len(self.validation(client)),
            "test": len(self.test(client)),
            "labels": self._counted(own),
        }

    def _counted(self, samples: Array) -> dict[str, int]:
        if self.bears.kind == "none":
            return {}
        labels, counts = np.unique(self.bears.train[samples], return_counts=True)
        return dict(zip(map(str, labels.tolist()), counts.tolist(), strict=True))

    def _check(self, client: int) -> None:
        if not 0 <= client < self.clients:
            raise IndexError(f"client {client} of {self.clients}")


@dataclass(frozen=True, eq=False)
class DealtPartition(Partition):
    """A partition that was made for all clients at once.

    ``flat`` holds "train", "validation" and "test" indices of all clients in a row and ``offsets`` (clients +
    1,) where each client's begin; "test" is empty where the test split is "labels" or "global", since those
    are computed when asked for. ``hash`` is the sha256 of the index arrays.
    """

    flat: Mapping[str, Array]
    offsets: Mapping[str, Array]

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any],
        flat: Mapping[str, Array],
        offsets: Mapping[str, Array],
        bears: Labels,
    ) -> DealtPartition:
        """The partition with these index arrays, and their hash."""
        digest = hashlib.sha256(f"{settings['test']}".encode())
        for part in sorted(flat):
            digest.update(offsets[part].astype("<i8").tobytes())
            digest.update(flat[part].astype("<i8").tobytes())
        return cls(settings, bears, digest.hexdigest(), flat, offsets)

    def train(self, client: int) -> Array:
        """See ``Partition``."""
        return self._own("train", client)

    def validation(self, client: int) -> Array:
        """See ``Partition``."""
        return self._own("validation", client)

    def test(self, client: int) -> Array:
        """See ``Partition``; what is listed is not computed, as where only one client is known."""
        return self._own_test(client) if len(self.flat["test"]) else super().test(client)

    def _own_test(self, client: int) -> Array:
        return self._own("test", client)

    def _own(self, part: str, client: int) -> Array:
        self._check(client)
        offsets = self.offsets[part]
        return self.flat[part][offsets[client] : offsets[client + 1]].astype(np.int64)


@dataclass(frozen=True, eq=False)
class DrawnPartition(Partition):
    """A partition of which nothing is kept: each client's samples are drawn anew when they are asked for.

    It costs the same for any number of clients. ``hash`` is the sha256 of its settings and of its code.
    """

    LISTED: ClassVar[int] = FIRST

    partitioner: Drawing
    training_samples: Undivided
    test_samples: Undivided

    def train(self, client: int) -> Array:
        """See ``Partition``."""
        return self._split(client)[0]

    def validation(self, client: int) -> Array:
        """See ``Partition``."""
        return self._split(client)[1]

    def _own_test(self, client: int) -> Array:
        self._check(client)
        seed, beside = self.settings["seed"], self.training_samples
        return np.sort(self.partitioner.draw(self.test_samples, client, seed, beside=beside))

    def _split(self, client: int) -> tuple[Array, Array]:
        self._check(client)
        seed = self.settings["seed"]
        samples = self.partitioner.draw(self.training_samples, client, seed)
        return held_out(samples, self.settings["validation"], seed, client)


def histogram(flat: Array, offsets: Array, labels: Array, classes: int) -> Array:
    """int64 (clients, labels): how many of each client's samples in ``flat`` bear each label."""
    clients = len(offsets) - 1
    owner = np.repeat(np.arange(clients), np.diff(offsets))
    counts = np.bincount(owner * classes + labels[flat], minlength=clients * classes)
    return counts.reshape(clients, classes)
