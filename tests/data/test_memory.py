"""Data that are handed over in memory: of any library, found again by their hash."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas
import polars
import pytest
import torch

from fedprune.data import cache
from fedprune.data.dataset import load_dataset
from fedprune.data.errors import DataError
from fedprune.data.memory import keep, kept
from fedprune.data.table import Columns

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.arange(40) % 2
ROWS = {
    "a": X[:, 0].tolist(),
    "b": X[:, 1].tolist(),
    "y": Y.tolist(),
    "site": [f"s{row % 4}" for row in range(40)],
}
SITES = Columns(("y",), client="site")


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "data", [(X, Y), [X, Y], {"train": (X, Y)}, (torch.tensor(X), torch.tensor(Y)), (X.tolist(), Y.tolist())]
)
def test_equal_arrays_of_any_library_have_one_hash(data: Any) -> None:
    assert keep(data) == keep((X, Y))
    dataset = kept(keep(data))
    assert dataset.features.shape == (3,)
    assert (len(dataset.train_y), len(dataset.test_y)) == (32, 8)


@pytest.mark.parametrize("made", [pandas.DataFrame, polars.DataFrame, datasets.Dataset.from_dict])
def test_equal_tables_of_any_library_have_one_hash(made: Any) -> None:
    assert keep(made(ROWS), SITES) == keep(polars.DataFrame(ROWS), SITES)
    assert kept(keep(made(ROWS), SITES)).client_key == "client"


def test_splits_come_as_a_dict_of_any_of_these() -> None:
    arrays = kept(keep({"train": (X, Y), "test": (X[:5], Y[:5])}))
    assert (len(arrays.train_y), len(arrays.test_y)) == (40, 5)
    table = datasets.Dataset.from_dict(ROWS)
    both = datasets.DatasetDict({"train": table.select(range(10, 40)), "test": table.select(range(10))})
    split = kept(keep(both, SITES))
    np.testing.assert_allclose(split.test_x, X[:10, :2], rtol=1e-6)
    assert len(split.train_y) == 30


def test_a_third_array_says_whose_a_sample_is() -> None:
    owners = np.arange(40) // 10
    dataset = kept(keep((X, Y, owners)))
    assert dataset.client_key == "client"
    assert np.bincount(dataset.columns["client"]).tolist() == [8, 8, 8, 8]


def test_a_vocabulary_makes_whole_numbers_token_ids() -> None:
    tokens = np.arange(80).reshape(40, 2) % 7
    dataset = kept(keep({"train": (tokens, tokens), "vocabulary": 7}))
    assert (dataset.features.vocabulary, dataset.task) == (7, "next_token")


def test_images_of_a_dataset_are_decoded() -> None:
    from PIL import Image

    pictures = [Image.fromarray(np.full((4, 4), row, np.uint8)) for row in range(40)]
    features = datasets.Features({"image": datasets.Image(), "y": datasets.Value("int64")})
    table = datasets.Dataset.from_dict({"image": pictures, "y": Y.tolist()}, features=features)
    dataset = kept(keep(table, Columns(("y",))))
    assert dataset.features.shape == (1, 4, 4)
    assert sorted([*dataset.train_x[:, 0, 0, 0], *dataset.test_x[:, 0, 0, 0]]) == list(range(40))


def test_other_data_have_another_hash_and_the_same_are_written_once() -> None:
    first = keep((X, Y))
    written = (cache.cache_folder("contents") / first / "train_x.npy").stat().st_mtime_ns
    assert keep((X, Y)) == first
    assert (cache.cache_folder("contents") / first / "train_x.npy").stat().st_mtime_ns == written
    assert len({first, keep((X + 1, Y)), keep((X, 1 - Y)), keep((X, Y / 2)), keep((X, Y, Y))}) == 5


def test_data_that_are_gone_from_the_cache_are_asked_for_again() -> None:
    content = keep((X, Y))
    assert load_dataset("memory", content=content).task == "classification"
    shutil.rmtree(cache.cache_folder("contents") / content)
    with pytest.raises(DataError, match=r"not in the cache .* hand them over again: fedprune.run\(scenario"):
        load_dataset("memory", content=content)
    with pytest.raises(DataError, match="'memory' is for data that are handed over"):
        load_dataset("memory")


@pytest.mark.parametrize(
    ("data", "columns", "message"),
    [
        (X, None, "not a ndarray"),
        ((X, Y, Y, Y), None, "not a tuple of 4"),
        ({"training": (X, Y)}, None, "unknown key 'training'"),
        ({"test": (X, Y)}, None, "no key 'train'"),
        ((X, Y), Columns(("y",)), "arrays have no named columns"),
        (polars.DataFrame(ROWS), None, "say with data.target which column"),
        (
            {"train": polars.DataFrame(ROWS), "test": (X, Y)},
            SITES,
            "'train' is a table, so 'test' must be one",
        ),
        (([[1], [1, 2]], [0, 1]), None, "does not make an array"),
        (([object()], [0]), None, "does not make an array"),
    ],
)
def test_what_is_no_data_is_refused_in_one_line(data: Any, columns: Columns | None, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        keep(data, columns)
    assert "\n" not in str(caught.value)


def test_a_function_at_an_import_path_gives_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wards.py").write_text(
        "import numpy\n"
        "def patients():\n"
        "    x = numpy.arange(80.0).reshape(40, 2)\n"
        "    return x, x[:, 0] / 2\n"
        "pair = patients()\n"
        "def broken():\n"
        "    raise OSError('disk full')\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    dataset = load_dataset("wards:patients")
    assert (dataset.name, dataset.task) == ("wards:patients", "regression")
    assert load_dataset("wards:pair").fingerprint == dataset.fingerprint
    with pytest.raises(DataError, match=r"data 'wards:broken': OSError: disk full"):
        load_dataset("wards:broken")
    sys.modules.pop("wards")
