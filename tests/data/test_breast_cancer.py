"""The bundled table of features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from fedprune.data.dataset import Dataset, client_data, load_dataset
from fedprune.data.partition import make_partition
from fedprune.data.split import fifth_for_testing


@pytest.fixture(scope="module")
def table() -> Dataset:
    return load_dataset("breast_cancer")


def test_the_set_has_its_published_size_and_a_fifth_of_each_class_for_testing(table: Dataset) -> None:
    assert table.features.shape == (30,)
    assert table.features.names[0] == "mean radius"
    assert table.train_x.dtype == np.float32
    np.testing.assert_array_equal(np.bincount(table.test_y), [212 // 5, 357 // 5])
    assert len(table.train_y) + len(table.test_y) == 569


def test_normalised_features_are_standardised_by_the_training_samples(table: Dataset) -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    training = features[~fifth_for_testing("breast_cancer", labels)]
    standard = (training - training.mean(axis=0)) / training.std(axis=0)
    x, _ = client_data(table, np.arange(len(table.train_y)))
    np.testing.assert_allclose(x, standard, atol=1e-4)
    assert x.dtype == np.float32


def test_labels_follow_the_features(table: Dataset) -> None:
    x, y = client_data(table, np.arange(len(table.train_y)))
    # Malignant (0) nuclei are larger: the first feature is the mean radius.
    assert x[y == 0, 0].mean() > x[y == 1, 0].mean() + 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("shards", {"shard_size": 20}), ("dirichlet", {"alpha": 0.5, "partition_by": "label"})],
)
def test_it_is_partitioned_like_any_other(table: Dataset, name: str, arguments: dict[str, object]) -> None:
    made = make_partition(table, name, 5, arguments, 0.2, "labels", 0)
    assert all(len(made.train(client)) and len(made.test(client)) for client in range(5))
