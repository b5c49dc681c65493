"""Who has which samples: training, validation and test indices of every client, made once and cached."""

from __future__ import annotations

import hashlib
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
from fedprune.data.errors import PartitionError as PartitionError
from fedprune.data.labels import Labels, labels_of
from fedprune.data.options import configured
from fedprune.data.partitioners import Partitioner
from fedprune.data.split import divide_test, hold_out, natural_test
from fedprune.data.stored import Dataset
from fedprune.data.undivided import Undivided
from fedprune.types import Array

LAYOUT = 1
"""Raised when equal settings come to give another partition: older cache entries are then made anew."""

TEST_SPLITS = ("labels", "partition", "natural", "global")


@dataclass(frozen=True, eq=False)
class Partition:
    """The samples of every client, as index arrays into a data set.

    ``flat`` holds "train", "validation" and "test" indices of all clients in a row and ``offsets`` (clients +
    1,) where each client's begin; "test" is empty where the test split is "labels" or "global", since those
    are computed when asked for. ``bears`` are the labels of all samples: of a set whose samples bear none,
    label 0 for each. ``hash`` is the sha256 of the index arrays: equal partitions have equal hashes.
    """

    settings: Mapping[str, Any]
    flat: Mapping[str, Array]
    offsets: Mapping[str, Array]
    bears: Labels
    hash: str

    @property
    def clients(self) -> int:
        """How many clients share the data set."""
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
            return np.flatnonzero(np.isin(self.bears.test, self.labels(client)))
        if self.settings["test"] == "global":
            return np.arange(len(self.bears.test))
        return self._own("test", client)

    def labels(self, client: int) -> Array:
        """Sorted int64 labels of the client's training samples."""
        return np.unique(self.bears.train[self.train(client)])

    def manifest(self) -> dict[str, Any]:
        """JSON-able: settings, hash, what labels are, and per client how many samples it has.

        Those for training by label too, except where samples bear none.
        """
        histogram = _histogram(self.flat["train"], self.offsets["train"], self.bears.train, self.bears.count)
        bear = self.bears.kind != "none"
        per_client = [
            {
                "train": len(self.train(client)),
                "validation": len(self.validation(client)),
                "test": len(self.test(client)),
                "labels": {
                    str(label): int(histogram[client, label])
                    for label in (self.labels(client) if bear else ())
                },
            }
            for client in range(self.clients)
        ]
        return {
            "settings": dict(self.settings),
            "hash": self.hash,
            "labels": self.bears.kind,
            "clients": per_client,
        }

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

    ``name`` is a partitioner of ours ("shards") or of flwr-datasets ("DirichletPartitioner" or "dirichlet")
    and ``arguments`` are its own; a ``seed`` among them takes the place of the run's. ``validation`` is the
    share of each client's samples held out; ``test`` is "labels" (all test samples of the client's training
    labels, as in Sub-FedAvg), "partition" (divided among the clients like their samples), "natural" (all test
    samples of the natural clients whose training samples it has) or "global" (all). Where samples bear no
    label, "labels" and "partition" are read as "natural", or as "global" where nobody knows whose a sample
    is.

    Raises PartitionError, saying why, when it cannot be made.
    """
    labels = labels_of(dataset)
    settings = _settings(
        dataset, name, clients, arguments, validation, _test_split(test, dataset, labels), seed
    )
    bears = labels or Labels(
        np.zeros(len(dataset.train_y), np.int64), np.zeros(len(dataset.test_y), np.int64), 1, "none"
    )
    code = _code(settings["name"])
    entry = cache.cache_folder("partitions") / f"{dataset.name}-{cache.key(LAYOUT, code, settings)}.npz"
    cached = _open(entry, settings, bears)
    if cached is not None:
        return cached
    parts = _make(dataset, settings, labels)
    flat = {part: np.concatenate(rows).astype(np.int32) for part, rows in parts.items()}
    offsets = {part: np.cumsum([0, *map(len, rows)], dtype=np.int64) for part, rows in parts.items()}
    made = _partition(settings, flat, offsets, bears)
    _store(entry, made)
    return made


def describe_partitioners() -> dict[str, str]:
    """Name -> one line, of every partitioner that can be asked for; imports nothing of flwr-datasets."""
    return {**flower_partitioners.describe(), **plugins.describe("partitioners")}


def _code(name: str) -> str:
    """What tells a partitioner's code from its earlier states, whose partitions must not be used."""
    if not _ours(name):
        return version("flwr-datasets")
    file = plugins.source("partitioners", name)
    return "" if file is None else hashlib.sha256(file.read_bytes()).hexdigest()


def _ours(name: str) -> bool:
    return plugins.is_path(name) or name in plugins.names("partitioners")


def _test_split(test: str, dataset: Dataset, labels: Labels | None) -> str:
    """The test split that is made of what was asked for, checked."""
    if test not in TEST_SPLITS:
        raise PartitionError(f"partition.test '{test}'{plugins.suggest(test, list(TEST_SPLITS))}")
    if test in ("labels", "partition") and labels is None:
        return "global" if dataset.client_key is None else "natural"
    if test == "natural" and (dataset.client_key is None or dataset.client_key not in dataset.test_columns):
        raise PartitionError(
            f"partition.test = 'natural': '{dataset.name}' does not say whose a test sample is; name the "
            "column with data.client, or test on 'labels' or 'global'"
        )
    return test


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
    _check(dataset, clients, validation)
    own = dict(arguments)
    seed = own.pop("seed", seed)
    if not isinstance(seed, int):
        raise PartitionError(f"partition.seed is a whole number, not {seed!r}")
    return {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "name": name if _ours(name) else flower_partitioners.class_name(name),
        "clients": clients,
        "seed": seed,
        "arguments": own,
        "validation": validation,
        "test": test,
    }


def _check(dataset: Dataset, clients: int, validation: float) -> None:
    if not 0 <= validation < 1:
        raise PartitionError(f"partition.validation is a share from 0 to below 1, not {validation}")
    if not 1 <= clients <= len(dataset.train_y):
        raise PartitionError(
            f"partition.clients = {clients}: '{dataset.name}' has {len(dataset.train_y)} samples"
        )


def _make(dataset: Dataset, settings: Mapping[str, Any], labels: Labels | None) -> dict[str, list[Array]]:
    name, clients, seed = settings["name"], settings["clients"], settings["seed"]
    undivided = Undivided(
        len(dataset.train_y), labels.train if labels else None, dataset.columns, dataset.client_key
    )
    if _ours(name):
        partitioner: Partitioner = configured("partitioners", "partition", name, settings["arguments"])
        samples = partitioner.divide(undivided, clients, seed)
    else:
        samples = flower_partitioners.divide(name, undivided, clients, settings["arguments"], seed)
    train, validation = hold_out(samples, settings["validation"], seed)
    test = [np.zeros(0, np.int64)] * clients
    if settings["test"] == "partition":
        assert labels is not None
        offsets = np.cumsum([0, *map(len, samples)])
        histogram = _histogram(np.concatenate(samples), offsets, labels.train, labels.count)
        test = divide_test(histogram, labels.test, seed)
    elif settings["test"] == "natural":
        assert dataset.client_key is not None
        test = natural_test(
            samples, dataset.columns[dataset.client_key], dataset.test_columns[dataset.client_key]
        )
    return {"train": train, "validation": validation, "test": test}


def _histogram(flat: Array, offsets: Array, labels: Array, classes: int) -> Array:
    """int64 (clients, labels): how many of each client's samples in ``flat`` bear each label."""
    clients = len(offsets) - 1
    owner = np.repeat(np.arange(clients), np.diff(offsets))
    counts = np.bincount(owner * classes + labels[flat], minlength=clients * classes)
    return counts.reshape(clients, classes)


def _partition(
    settings: Mapping[str, Any], flat: Mapping[str, Array], offsets: Mapping[str, Array], bears: Labels
) -> Partition:
    digest = hashlib.sha256(f"{settings['test']}".encode())
    for part in sorted(flat):
        digest.update(offsets[part].astype("<i8").tobytes())
        digest.update(flat[part].astype("<i8").tobytes())
    return Partition(settings, flat, offsets, bears, digest.hexdigest())


def _store(entry: Path, partition: Partition) -> None:
    arrays = {f"{part}_flat": array for part, array in partition.flat.items()}
    arrays.update({f"{part}_offsets": array for part, array in partition.offsets.items()})
    arrays["hash"] = np.frombuffer(bytes.fromhex(partition.hash), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    cache.add_file(entry, buffer.getvalue())


def _open(entry: Path, settings: Mapping[str, Any], bears: Labels) -> Partition | None:
    """The stored partition; None when there is none or it is damaged, and so has to be made."""
    try:
        with entry.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            flat = {part: file[f"{part}_flat"] for part in ("train", "validation", "test")}
            offsets = {part: file[f"{part}_offsets"] for part in ("train", "validation", "test")}
            stored = file["hash"].tobytes().hex()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    partition = _partition(settings, flat, offsets, bears)
    return partition if partition.hash == stored else None
