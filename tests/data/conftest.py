"""Fixtures of the data tests: a cache folder of their own, and sets read once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedprune.data.dataset import Dataset, load_dataset


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEDPRUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    root = os.environ.get("FEDPRUNE_DATA", "")
    if not root or not (Path(root) / "mnist").is_dir():
        pytest.skip("needs MNIST: FEDPRUNE_DATA must name a folder that holds mnist/*.parquet")
    return load_dataset("mnist")
