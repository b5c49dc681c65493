"""Clients that draw their samples cost nothing until they are asked, and differ in labels as they should."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.data.dataset import Dataset
from fedprune.data.errors import PartitionError
from fedprune.data.partition import Partition, make_partition
from fedprune.data.partitioners.drawn import Drawn
from fedprune.data.undivided import Undivided

MILLION = 1_000_000


def drawn(dataset: Dataset, clients: int = MILLION, **changes: Any) -> Partition:
    given = {"arguments": {}, "validation": 0.1, "test": "partition", "seed": 0, **changes}
    return make_partition(dataset, "drawn", clients, **given)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    labels=st.lists(st.integers(0, 6), min_size=1, max_size=60),
    size=st.integers(1, 80),
    alpha=st.sampled_from([None, 1e-6, 0.1, 1.0, 1e6]),
    client=st.integers(0, MILLION),
)
def test_a_client_has_each_sample_once_and_always_some(
    labels: list[int], size: int, alpha: float | None, client: int
) -> None:
    samples = Undivided(len(labels), np.array(labels))
    own = Drawn(size, alpha).draw(samples, client, seed=1)
    assert 1 <= len(own) <= size
    assert len(np.unique(own)) == len(own)
    assert set(own.tolist()) <= set(range(len(labels)))
    if alpha is None:
        assert len(own) == min(size, len(labels))


def test_what_a_client_has_depends_on_its_key_alone(digits: Dataset) -> None:
    arguments = {"samples_per_client": 20, "alpha": 0.3}
    few, many = (drawn(digits, clients, arguments=arguments) for clients in (3000, MILLION))
    own = {client: few.train(client).tolist() for client in range(2999, -1, -1)}
    assert all(many.train(client).tolist() == own[client] for client in range(0, 3000, 10))
    # Any two may share samples, and hardly ever share all.
    assert len({tuple(samples) for samples in own.values()}) > 2990
    others = drawn(digits, 3000, arguments=arguments, seed=1)
    assert others.train(5).tolist() != own[5]


def test_validation_and_test_samples_are_the_clients_own(digits: Dataset) -> None:
    partition = drawn(digits, arguments={"samples_per_client": 40, "alpha": 0.05}, validation=0.25)
    shared = 0
    for client in range(0, MILLION, 10_000):
        training, held_out = partition.train(client), partition.validation(client)
        assert (len(training), len(held_out)) == (len(training), (len(training) + len(held_out)) // 4)
        assert not np.intersect1d(training, held_out).size
        both = digits.train_y[np.concatenate([training, held_out])]
        tested = digits.test_y[partition.test(client)]
        shared += np.isin(tested, both).all()
        assert len(np.unique(both)) <= 6
    assert shared == 100


def test_a_low_alpha_gives_clients_few_labels_and_a_high_one_all(digits: Dataset) -> None:
    def labels(alpha: float) -> float:
        partition = drawn(digits, arguments={"alpha": alpha})
        return float(np.mean([len(partition.labels(client)) for client in range(300)]))

    assert labels(0.01) < 1.5 < labels(0.3) < 7 < 9 < labels(100.0)


def test_a_million_clients_take_no_more_memory_than_a_thousand(digits: Dataset) -> None:
    def peak(clients: int) -> int:
        tracemalloc.start()
        partition = drawn(digits, clients, arguments={"alpha": 0.3})
        partition.test(clients - 1)
        assert len(partition.manifest()["clients"]) == 200
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1000)
    assert peak(MILLION) < 1.1 * peak(1000) < 2_000_000


def test_equal_partitions_have_equal_hashes(digits: Dataset) -> None:
    plain = drawn(digits, arguments={"samples_per_client": 50})
    assert plain.hash == drawn(digits).hash
    changed: list[dict[str, Any]] = [
        {"clients": MILLION - 1},
        {"arguments": {"samples_per_client": 51}},
        {"seed": 1},
        {"validation": 0.2},
        {"test": "global"},
    ]
    assert len({plain.hash, *(drawn(digits, **each).hash for each in changed)}) == 6


def test_what_cannot_be_drawn_is_refused_in_one_line(digits: Dataset) -> None:
    for wrong, why in (
        ({"arguments": {"alpha": 0.0}}, "alpha: must be above 0"),
        ({"arguments": {"samples_per_client": 0}}, "samples_per_client: must be at least 1"),
        ({"test": "natural"}, "does not say whose a test sample is"),
    ):
        with pytest.raises(PartitionError, match=why):
            drawn(digits, **wrong)
    with pytest.raises(PartitionError, match="'drawn' divides by label"):
        Drawn(alpha=0.5).draw(Undivided(5), 0, seed=0)
    with pytest.raises(IndexError, match="client 1000000 of 1000000"):
        drawn(digits).train(MILLION)
