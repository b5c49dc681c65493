"""Who has which samples: training, validation and test indices of every client, made once and cached."""

from __future__ import annotations

import hashlib
import inspect
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fedprune import plugins
from fedprune.data import cache, flower_partitioners
from fedprune.data.dataset import Dataset
from fedprune.data.errors import PartitionError as PartitionError
from fedprune.data.shards import deal_shards
from fedprune.data.split import divide_test, hold_out
from fedprune.types import Array

LAYOUT = 1
"""Raised when equal settings come to give another partition: older cache entries are then made anew."""

TEST_SPLITS = ("labels", "partition", "global")


@dataclass(frozen=True, eq=False)
class Partition:
    """The samples of every client, as index arrays into a data set.

    ``flat`` holds "train", "validation" and "test" indices of all clients in a row and ``offsets`` (clients +
    1,) where each client's begin; "test" is empty unless the test split is "partition", since the others are
    computed when asked for. ``hash`` is the sha256 of the index arrays: equal partitions have equal hashes.
    """

    settings: Mapping[str, Any]
    flat: Mapping[str, Array]
    offsets: Mapping[str, Array]
    train_labels: Array
    test_labels: Array
    num_classes: int
    hash: str

    @property
    def clients(self) -> int:
        """How many clients there are."""
        return len(self.offsets["train"]) - 1

    def train(self, client: int) -> Array:
        """Sorted int64 indices of the client's training samples, never empty."""
        return self._own("train", client)

    def validation(self, client: int) -> Array:
        """Sorted int64 indices, into the training samples of the data set, held out from training."""
        return self._own("validation", client)

    def test(self, client: int) -> Array:
        """Sorted int64 indices of the client's test samples; with test = "partition" there may be none."""
        if self.settings["test"] == "labels":
            return np.flatnonzero(np.isin(self.test_labels, self.labels(client)))
        if self.settings["test"] == "global":
            return np.arange(len(self.test_labels))
        return self._own("test", client)

    def labels(self, client: int) -> Array:
        """Sorted int64 labels of the client's training samples."""
        return np.unique(self.train_labels[self.train(client)])

    def manifest(self) -> dict[str, Any]:
        """JSON-able: settings, hash, and per client how many samples it has, for training by label too."""
        histogram = _histogram(self.flat["train"], self.offsets["train"], self.train_labels, self.num_classes)
        per_client = [
            {
                "train": len(self.train(client)),
                "validation": len(self.validation(client)),
                "test": len(self.test(client)),
                "labels": {str(label): int(histogram[client, label]) for label in self.labels(client)},
            }
            for client in range(self.clients)
        ]
        return {"settings": dict(self.settings), "hash": self.hash, "clients": per_client}

    def _own(self, part: str, client: int) -> Array:
        if not 0 <= client < self.clients:
            raise IndexError(f"client {client} of {self.clients}")
        offsets = self.offsets[part]
        return self.flat[part][offsets[client] : offsets[client + 1]].astype(np.int64)


def make_partition(
    dataset: Dataset,
    name: str,
    clients: int,
    arguments: Mapping[str, Any],
    validation: float,
    test: str,
    seed: int,
) -> Partition:
    """The partition with these settings, from the cache when it was made before.

    ``name`` is "shards" (Sub-FedAvg's) or one of flwr-datasets' partitioners ("DirichletPartitioner" or
    "dirichlet") and ``arguments`` are its own; a ``seed`` among them takes the place of the run's.
    ``validation`` is the share of each client's samples held out; ``test`` is "labels" (all test samples of
    the client's training labels, as in Sub-FedAvg), "partition" (divided among the clients like their
    samples) or "global" (all).

    Raises PartitionError, saying why, when it cannot be made.
    """
    settings = _settings(dataset, name, clients, arguments, validation, test, seed)
    # Our shards need nothing of the library, so neither does their key.
    library = "" if name == "shards" else version("flwr-datasets")
    entry = cache.cache_folder("partitions") / f"{dataset.name}-{cache.key(LAYOUT, library, settings)}.npz"
    cached = _open(entry, settings, dataset)
    if cached is not None:
        return cached
    parts = _make(dataset, settings)
    flat = {part: np.concatenate(rows).astype(np.int32) for part, rows in parts.items()}
    offsets = {part: np.cumsum([0, *map(len, rows)], dtype=np.int64) for part, rows in parts.items()}
    made = _partition(settings, flat, offsets, dataset)
    _store(entry, made)
    return made


def describe_partitioners() -> dict[str, str]:
    """Name -> one line, of every partitioner that can be asked for; imports nothing of flwr-datasets."""
    return {"shards": "Label shards of Sub-FedAvg, a few per client.", **flower_partitioners.describe()}


def _settings(
    dataset: Dataset,
    name: str,
    clients: int,
    arguments: Mapping[str, Any],
    validation: float,
    test: str,
    seed: int,
) -> dict[str, Any]:
    """All that the partition depends on, checked."""
    _check(dataset, clients, validation, test)
    own = dict(arguments)
    seed = own.pop("seed", seed)
    if not isinstance(seed, int):
        raise PartitionError(f"partition.seed is a whole number, not {seed!r}")
    return {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "name": name if name == "shards" else flower_partitioners.class_name(name),
        "clients": clients,
        "seed": seed,
        "arguments": own,
        "validation": validation,
        "test": test,
    }


def _check(dataset: Dataset, clients: int, validation: float, test: str) -> None:
    if test not in TEST_SPLITS:
        raise PartitionError(f"partition.test '{test}'{plugins.suggest(test, list(TEST_SPLITS))}")
    if not 0 <= validation < 1:
        raise PartitionError(f"partition.validation is a share from 0 to below 1, not {validation}")
    if not 1 <= clients <= len(dataset.train_y):
        raise PartitionError(
            f"partition.clients = {clients}: '{dataset.name}' has {len(dataset.train_y)} samples"
        )


def _make(dataset: Dataset, settings: Mapping[str, Any]) -> dict[str, list[Array]]:
    name, clients, seed = settings["name"], settings["clients"], settings["seed"]
    if name == "shards":
        known = [
            key
            for key, spec in inspect.signature(deal_shards).parameters.items()
            if spec.kind is spec.KEYWORD_ONLY
        ]
        for key in settings["arguments"]:
            if key not in known:
                raise PartitionError(
                    f"partition 'shards' has no argument '{key}'{plugins.suggest(key, known)}"
                )
        samples = deal_shards(dataset.train_y, clients, seed, **settings["arguments"])
    else:
        columns = {**dataset.columns, "label": dataset.train_y}
        samples = flower_partitioners.divide(name, columns, clients, settings["arguments"], seed)
    train, validation = hold_out(samples, settings["validation"], seed)
    test = [np.zeros(0, np.int64)] * clients
    if settings["test"] == "partition":
        offsets = np.cumsum([0, *map(len, samples)])
        histogram = _histogram(np.concatenate(samples), offsets, dataset.train_y, dataset.num_classes)
        test = divide_test(histogram, dataset.test_y, seed)
    return {"train": train, "validation": validation, "test": test}


def _histogram(flat: Array, offsets: Array, labels: Array, num_classes: int) -> Array:
    """int64 (clients, labels): how many of each client's samples in ``flat`` bear each label."""
    clients = len(offsets) - 1
    owner = np.repeat(np.arange(clients), np.diff(offsets))
    counts = np.bincount(owner * num_classes + labels[flat], minlength=clients * num_classes)
    return counts.reshape(clients, num_classes)


def _partition(
    settings: Mapping[str, Any], flat: Mapping[str, Array], offsets: Mapping[str, Array], dataset: Dataset
) -> Partition:
    digest = hashlib.sha256(f"{settings['test']}".encode())
    for part in sorted(flat):
        digest.update(offsets[part].astype("<i8").tobytes())
        digest.update(flat[part].astype("<i8").tobytes())
    return Partition(
        settings, flat, offsets, dataset.train_y, dataset.test_y, dataset.num_classes, digest.hexdigest()
    )


def _store(entry: Path, partition: Partition) -> None:
    arrays = {f"{part}_flat": array for part, array in partition.flat.items()}
    arrays.update({f"{part}_offsets": array for part, array in partition.offsets.items()})
    arrays["hash"] = np.frombuffer(bytes.fromhex(partition.hash), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    cache.add_file(entry, buffer.getvalue())


def _open(entry: Path, settings: Mapping[str, Any], dataset: Dataset) -> Partition | None:
    """The stored partition; None when there is none or it is damaged, and so has to be made."""
    try:
        with entry.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            flat = {part: file[f"{part}_flat"] for part in ("train", "validation", "test")}
            offsets = {part: file[f"{part}_offsets"] for part in ("train", "validation", "test")}
            stored = file["hash"].tobytes().hex()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    partition = _partition(settings, flat, offsets, dataset)
    return partition if partition.hash == stored else None
