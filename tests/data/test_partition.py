from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.data.client_indices import DealtPartition
from fedprune.data.dataset import Dataset
from fedprune.data.errors import PartitionError
from fedprune.data.partition import Partition, describe_partitioners, make_partition

PARTITIONERS: dict[str, tuple[int, dict[str, Any]]] = {
    "shards": (20, {}),
    "continuous": (20, {"strictness": 0.5}),
    "dirichlet": (20, {"alpha": 0.5, "min_partition_size": 1}),
    "distribution": (
        10,
        {
            "distribution_array": [[1.0, 2.0]] * 10,
            "num_unique_labels_per_partition": 2,
            "preassigned_num_samples_per_label": 5,
        },
    ),
    "drawn": (20, {"alpha": 0.5}),
    "exponential": (4, {}),
    "grouped_natural_id": (5, {"group_size": 2}),
    "iid": (20, {}),
    "inner_dirichlet": (4, {"partition_sizes": [30, 40, 50, 1], "alpha": 0.5}),
    "linear": (20, {}),
    "natural": (5, {"min_samples": 100}),
    "natural_id": (10, {}),
    "pathological": (20, {"num_classes_per_partition": 1}),
    "shard": (20, {"num_shards_per_partition": 2}),
    "size": (3, {"partition_sizes": [1, 10, 100]}),
    "square": (10, {}),
}
USES_ALL = {
    "continuous",
    "dirichlet",
    "exponential",
    "grouped_natural_id",
    "iid",
    "linear",
    "natural_id",
    "square",
}


def make(dataset: Dataset, name: str = "shards", clients: int = 20, **changes: Any) -> Partition:
    given: dict[str, Any] = {"arguments": {}, "validation": 0.1, "test": "labels", "seed": 0, **changes}
    if name == "natural":
        writers = {"writer": np.arange(len(dataset.train_y)) % 9}
        dataset = dataclasses.replace(dataset, columns=writers, client_key="writer")
    return make_partition(dataset, name, clients, **given)


def test_the_table_of_this_test_names_every_partitioner() -> None:
    assert sorted(describe_partitioners()) == sorted(PARTITIONERS)
    assert all(describe_partitioners().values())


@pytest.mark.parametrize("name", sorted({*PARTITIONERS} - {"drawn"}))
def test_clients_share_no_sample_and_get_all_that_are_dealt(digits: Dataset, name: str) -> None:
    clients, arguments = PARTITIONERS[name]
    partition = make(digits, name, clients, arguments=arguments)
    assert partition.clients == clients
    own = [*map(partition.train, range(clients)), *map(partition.validation, range(clients))]
    everything = np.concatenate(own)
    assert len(np.unique(everything)) == len(everything)
    assert all(len(partition.train(client)) for client in range(clients))
    if name in USES_ALL:
        assert len(everything) == len(digits.train_y)
    if "partition_sizes" in arguments:
        sizes = [len(partition.train(c)) + len(partition.validation(c)) for c in range(clients)]
        assert sizes == arguments["partition_sizes"]


@pytest.mark.parametrize("name", PARTITIONERS)
def test_equal_seeds_give_equal_partitions_and_others_do_not(
    digits: Dataset, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clients, arguments = PARTITIONERS[name]
    first = make(digits, name, clients, arguments=arguments)
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path))
    again = make(digits, name, clients, arguments=arguments)
    assert first.hash == again.hash
    np.testing.assert_array_equal(first.train(1), again.train(1))
    assert first.hash != make(digits, name, clients, arguments=arguments, seed=1).hash


@given(
    clients=st.integers(1, 60),
    test=st.sampled_from(["labels", "partition", "global"]),
    validation=st.sampled_from([0.0, 0.2, 0.9]),
    seed=st.integers(0, 3),
)
@settings(derandomize=True, deadline=None, max_examples=30)
def test_the_test_split_is_what_its_name_says(
    digits: Dataset, clients: int, test: str, validation: float, seed: int
) -> None:
    partition = make(digits, clients=clients, test=test, validation=validation, seed=seed)
    dealt = [partition.test(client) for client in range(clients)]
    if test == "global":
        assert all(np.array_equal(own, np.arange(len(digits.test_y))) for own in dealt)
    elif test == "labels":
        for client, own in enumerate(dealt):
            labels = set(digits.train_y[partition.train(client)].tolist())
            assert own.tolist() == [i for i, label in enumerate(digits.test_y.tolist()) if label in labels]
    else:
        everything = np.concatenate(dealt)
        assert len(np.unique(everything)) == len(everything)
        for client, own in enumerate(dealt):
            both = np.concatenate([partition.train(client), partition.validation(client)])
            assert set(digits.test_y[own].tolist()) <= set(digits.train_y[both].tolist())
    assert all(own.dtype == np.int64 for own in dealt)


def test_the_order_of_asking_changes_nothing(digits: Dataset) -> None:
    there, back = make(digits), make(digits)
    backwards = [back.train(client) for client in reversed(range(20))]
    for client, own in enumerate(reversed(backwards)):
        np.testing.assert_array_equal(there.train(client), own)


def test_a_client_with_one_sample_trains_on_it(digits: Dataset) -> None:
    samples = len(digits.train_y)
    partition = make(digits, "iid", samples, validation=0.9)
    assert all(len(partition.train(client)) == 1 for client in range(samples))
    assert all(len(partition.labels(client)) == 1 for client in range(samples))
    assert len(partition.test(0)) == (digits.test_y == partition.labels(0)[0]).sum()


def test_a_class_name_and_its_short_name_are_the_same_partition(digits: Dataset) -> None:
    arguments = {"alpha": 1.0, "min_partition_size": 1}
    short = make(digits, "dirichlet", arguments=arguments)
    assert short.hash == make(digits, "DirichletPartitioner", arguments=arguments).hash


def test_a_seed_of_its_own_keeps_the_partition_over_runs(digits: Dataset) -> None:
    for name in ("shards", "iid", "shard"):
        arguments = {**PARTITIONERS[name][1], "seed": 7}
        assert (
            make(digits, name, arguments=arguments).hash
            == make(digits, name, arguments=arguments, seed=3).hash
        )


def test_a_column_of_the_set_can_name_the_clients(digits: Dataset) -> None:
    writers = np.array([f"w{position % 7}" for position in range(len(digits.train_y))])
    written = dataclasses.replace(digits, columns={"writer_id": writers}, fingerprint="with writers")
    partition = make(written, "natural_id", 7, arguments={"partition_by": "writer_id"})
    for client in range(7):
        assert set(writers[partition.train(client)]) == {f"w{client}"}


def test_no_global_generator_is_touched(digits: Dataset) -> None:
    before = (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[index, union-attr]
    for name, (clients, arguments) in PARTITIONERS.items():
        make(digits, name, clients, arguments=arguments, seed=11)
    assert before == (np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[index, union-attr]


def test_a_cached_partition_is_fast_and_imports_no_library(digits: Dataset) -> None:
    made = make(digits, "iid", 1000)
    code = (
        "import sys, timeit; from fedprune.data.dataset import load_dataset;"
        "from fedprune.data.partition import make_partition; digits = load_dataset('digits');"
        "make = lambda: make_partition(digits, 'iid', 1000, {}, 0.1, 'labels', 0);"
        "print(min(timeit.repeat(make, number=1))); print(make().hash);"
        "print([name for name in ('datasets', 'flwr_datasets', 'sklearn', 'torch') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(plugins.PACKAGE.parent)}
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    seconds, found, imported = output.splitlines()
    assert (found, imported) == (made.hash, "[]")
    assert float(seconds) < 0.05


def test_a_damaged_cache_entry_is_made_anew(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path))
    made = make(digits)
    (entry,) = (tmp_path / "partitions").iterdir()
    whole = entry.read_bytes()
    for damaged in (
        whole[:100],
        whole[: len(whole) // 2],
        whole.replace(b"\x05\x00\x00\x00", b"\x06\x00\x00\x00"),
    ):
        assert damaged != whole
        entry.write_bytes(damaged)
        assert make(digits).hash == made.hash
        assert entry.read_bytes() == whole


def test_the_manifest_is_json_and_counts_what_clients_have(digits: Dataset) -> None:
    partition = make(digits, "dirichlet", arguments=PARTITIONERS["dirichlet"][1], test="partition")
    manifest = json.loads(json.dumps(partition.manifest()))
    assert manifest["hash"] == partition.hash
    assert manifest["labels"] == "class"
    assert manifest["settings"]["name"] == "DirichletPartitioner"
    assert manifest["settings"]["fingerprint"] == digits.fingerprint
    for client, told in enumerate(manifest["clients"]):
        assert told["train"] == len(partition.train(client)) == sum(told["labels"].values())
        assert told["validation"] == len(partition.validation(client))
        assert told["test"] == len(partition.test(client))
        assert [int(label) for label in told["labels"]] == partition.labels(client).tolist()


def test_a_client_that_does_not_exist_is_an_error(digits: Dataset) -> None:
    for client in (-1, 20):
        with pytest.raises(IndexError, match=f"client {client} of 20"):
            make(digits).test(client)


@pytest.mark.parametrize(
    ("name", "clients", "arguments", "message"),
    [
        ("dirichlett", 5, {}, "unknown partition 'dirichlett', did you mean 'dirichlet'"),
        ("shards", 5, {"shard_sise": 3}, "no argument 'shard_sise', did you mean 'shard_size'"),
        ("dirichlet", 5, {"alpah": 1}, "no argument 'alpah', did you mean 'alpha'"),
        ("dirichlet", 5, {}, "partition 'dirichlet' needs the argument 'alpha'"),
        ("iid", 5, {"num_partitions": 3}, "num_partitions is partition.clients"),
        ("dirichlet", 5, {"alpha": 1.0, "partition_by": "lable"}, "no column 'lable', did you mean 'label'"),
        ("dirichlet", 5, {"alpha": 0.0}, "alpha = 0.0.*strictly greater than zero"),
        ("dirichlet", 200, {"alpha": 1.0}, "200 clients with min_partition_size = 10 take 2000 samples"),
        ("dirichlet", 100, {"alpha": 0.01}, "max number of attempts"),
        ("dirichlet", 100, {"alpha": 0.01, "min_partition_size": 0}, "clients without samples"),
        ("square", 100, {}, "not greater than 0"),
        ("exponential", 1000, {}, "not greater than 0"),
        ("natural_id", 5, {}, "makes 10 parts of this data but partition.clients = 5; set it to 10"),
        ("size", 3, {"partition_sizes": [1, 10**6, 1]}, "greater than the size of the dataset"),
        ("shards", 10**6, {}, "'digits' has 1442 samples"),
        ("iid", 0, {}, "partition.clients = 0"),
        ("iid", 5, {"seed": "seven"}, "partition.seed is a whole number"),
        ("vertical_even", 5, {}, "every client needs whole images"),
        ("IdToSizeFncPartitioner", 5, {}, "it takes a function"),
    ],
)
def test_a_partition_that_cannot_be_made_says_why_within_seconds(
    digits: Dataset, name: str, clients: int, arguments: dict[str, Any], message: str
) -> None:
    start = time.monotonic()
    with pytest.raises(PartitionError, match=message) as caught:
        make(digits, name, clients, arguments=arguments)
    assert time.monotonic() - start < 10
    assert "\n" not in str(caught.value)


def test_hopeless_draws_of_thousands_of_clients_are_given_up(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedprune.data.flower_partitioners.ATTEMPT_SECONDS", 0.0)
    with pytest.raises(
        PartitionError, match="no draw in 0 s of work gave every client min_partition_size samples"
    ):
        make(digits, "dirichlet", 700, arguments={"alpha": 0.5, "min_partition_size": 2})


@pytest.mark.parametrize("validation", [-0.1, 1.0, float("nan")])
def test_a_validation_share_that_leaves_nothing_is_refused(digits: Dataset, validation: float) -> None:
    with pytest.raises(PartitionError, match=r"partition.validation is a share"):
        make(digits, validation=validation)


def test_an_unknown_test_split_is_refused_with_a_suggestion(digits: Dataset) -> None:
    with pytest.raises(PartitionError, match=r"partition.test 'label', did you mean 'labels'"):
        make(digits, test="label")


def test_ten_thousand_clients_of_mnist_take_little_memory(mnist: Dataset) -> None:
    partition = make(mnist, clients=10_000)
    assert isinstance(partition, DealtPartition)
    stored = [*partition.flat.values(), *partition.offsets.values()]
    assert sum(array.nbytes for array in stored) < 1_000_000
    assert len(partition.train(9_999)) == 6
