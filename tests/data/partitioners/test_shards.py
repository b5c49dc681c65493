from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.data.errors import PartitionError
from fedprune.data.partitioners.shards import Shards
from fedprune.data.undivided import Undivided
from fedprune.types import Array


def deal_shards(labels: Array, clients: int, seed: int, **arguments: Any) -> list[Array]:
    return Shards(**arguments).divide(Undivided(len(labels), labels), clients, seed)


@given(
    clients=st.integers(1, 12),
    each=st.integers(1, 4),
    size=st.integers(1, 9),
    extra=st.integers(0, 30),
    seed=st.integers(0, 5),
)
@settings(derandomize=True, deadline=None)
def test_shards_are_disjoint_and_of_equal_size(
    clients: int, each: int, size: int, extra: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 10, clients * each * size + extra)
    dealt = deal_shards(labels, clients, seed, shards_per_client=each, shard_size=size)
    assert [len(own) for own in dealt] == [each * size] * clients
    everything = np.concatenate(dealt)
    assert len(np.unique(everything)) == len(everything)
    assert everything.max() < len(labels)


def test_a_shard_bears_one_label_when_its_size_divides_the_classes() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 100))
    for own in deal_shards(labels, 25, 0, shards_per_client=2, shard_size=20):
        assert len(np.unique(labels[own[:20]])) == 1
        assert len(np.unique(labels[own[20:]])) == 1


def test_a_shard_has_the_papers_size_or_what_the_samples_allow() -> None:
    assert len(deal_shards(np.zeros(60000, np.int64), 100, 0)[0]) == 2 * 250
    assert len(deal_shards(np.zeros(1437, np.int64), 100, 0)[0]) == 2 * 7


def test_too_few_samples_for_the_shards_are_refused() -> None:
    labels = np.zeros(1000, np.int64)
    with pytest.raises(
        PartitionError, match="1000 samples make 4 shards of 250 but 3 clients with 2 each take 6"
    ):
        deal_shards(labels, 3, 0, shard_size=250)
    with pytest.raises(PartitionError, match="cannot be cut into 2000 shards"):
        deal_shards(labels, 1000, 0)


@pytest.mark.parametrize("value", [0, -1])
def test_a_count_that_is_none_is_refused(value: int) -> None:
    with pytest.raises(PartitionError, match="shards_per_client: must be at least 1"):
        Shards(shards_per_client=value)
    with pytest.raises(PartitionError, match="shard_size: must be at least 1"):
        Shards(shard_size=value)


def test_samples_without_labels_are_refused() -> None:
    with pytest.raises(PartitionError, match=r"'shards' divides by label.* use 'iid'"):
        Shards().divide(Undivided(10), 2, 0)
