from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fedprune import plugins
from fedprune.data.dataset import Dataset, client_data, client_test_data, load_dataset
from fedprune.data.errors import DataError
from fedprune.data.standardise import normalise

from .parquet import random_images, write_images

COLORS = random_images(20, 32, 32, 3)
LABELS = [position % 10 for position in range(20)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a tiny cifar10, read through an empty cache."""
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    write_images(
        tmp_path / "data/cifar10/train-00000-of-00002.parquet", COLORS[:12], "img", label=LABELS[:12]
    )
    write_images(
        tmp_path / "data/cifar10/train-00001-of-00002.parquet", COLORS[12:], "img", label=LABELS[12:]
    )
    write_images(tmp_path / "data/cifar10/test-00000-of-00001.parquet", COLORS[:3], "img", label=LABELS[:3])
    return tmp_path / "data"


def test_digits_are_split_within_each_class(digits: Dataset) -> None:
    assert digits.features.shape == (1, 8, 8)
    assert digits.train_x.dtype == np.uint8
    assert len(digits.train_y) + len(digits.test_y) == 1797
    total = np.bincount(digits.train_y) + np.bincount(digits.test_y)
    np.testing.assert_array_equal(np.bincount(digits.test_y), total // 5)


def test_pixels_come_back_channel_first_and_in_file_order(root: Path) -> None:
    dataset = load_dataset("cifar10", root)
    np.testing.assert_array_equal(dataset.train_x, COLORS.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(dataset.train_y, LABELS)
    np.testing.assert_array_equal(dataset.test_x, COLORS[:3].transpose(0, 3, 1, 2))
    assert dataset.features.shape == (3, 32, 32)


def test_the_root_defaults_to_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_DATA", str(root))
    assert load_dataset("cifar10").fingerprint == load_dataset("cifar10", root).fingerprint


def test_loaded_arrays_are_mapped_and_read_only(root: Path) -> None:
    dataset = load_dataset("cifar10", root)
    assert isinstance(dataset.train_x.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.train_x[0] = 0


def test_the_second_load_is_fast_and_imports_no_library(root: Path) -> None:
    load_dataset("cifar10", root)
    code = (
        "import sys, timeit; from fedprune.data.dataset import load_dataset;"
        "print(min(timeit.repeat(lambda: load_dataset('cifar10', sys.argv[1]), number=1)));"
        "print([name for name in ('datasets', 'pyarrow', 'sklearn', 'torch') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(root)]
    environment = {**os.environ, "PYTHONPATH": str(plugins.PACKAGE.parent)}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    seconds, imported = output.splitlines()
    assert imported == "[]"
    assert float(seconds) < 0.05


def test_changed_files_are_read_anew(root: Path) -> None:
    before = load_dataset("cifar10", root)
    write_images(root / "cifar10/test-00000-of-00001.parquet", COLORS[:5], "img", label=LABELS[:5])
    after = load_dataset("cifar10", root)
    assert len(after.test_y) == 5
    assert after.fingerprint != before.fingerprint


def test_a_damaged_cache_entry_is_made_anew(root: Path) -> None:
    before = load_dataset("cifar10", root)
    (entry,) = (root.parent / "cache/sets").iterdir()
    (entry / "train_x.npy").write_bytes(b"no array")
    assert load_dataset("cifar10", root).fingerprint == before.fingerprint


def test_racing_readers_end_with_one_entry(root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: load_dataset("cifar10", root), range(4)))
    assert len({dataset.fingerprint for dataset in loaded}) == 1
    assert len(list((root.parent / "cache/sets").iterdir())) == 1


def test_alternative_column_names_are_found(root: Path) -> None:
    gray = random_images(100, 32, 32)
    labels = list(range(100))
    for split in ("train", "test"):
        write_images(
            root / f"cifar100/{split}-0.parquet", gray, "image", coarse_label=labels, fine_label=labels
        )
    dataset = load_dataset("cifar100", root)
    np.testing.assert_array_equal(dataset.train_y, labels)
    assert dataset.features.shape == (3, 32, 32)


def test_femnist_gets_a_tenth_of_every_writer_for_testing(root: Path) -> None:
    writers = ["a"] * 20 + ["b"] * 9 + ["c"] * 35
    images = random_images(len(writers), 28, 28)
    characters = [position % 62 for position in range(len(writers))]
    write_images(root / "femnist/train-0.parquet", images, writer_id=writers, character=characters)
    dataset = load_dataset("femnist", root)
    assert len(dataset.test_y) == 2 + 0 + 3
    names, counts = np.unique(dataset.columns["writer_id"], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"a": 18, "b": 9, "c": 32}


@pytest.mark.parametrize(
    ("columns", "image", "message"),
    [
        ({"label": [10] * 20}, "img", "column 'label' must hold labels 0..9"),
        ({"labels": LABELS}, "img", "no column 'label'; columns are img, labels"),
        ({"label": LABELS}, "picture", "no column 'image' or 'img'; columns are picture, label"),
    ],
)
def test_files_with_other_contents_are_refused(
    root: Path, columns: dict[str, list[int]], image: str, message: str
) -> None:
    for path in (root / "cifar10").iterdir():
        path.unlink()
    for split in ("train", "test"):
        write_images(root / f"cifar10/{split}-0.parquet", COLORS, image, **columns)
    with pytest.raises(DataError, match=message):
        load_dataset("cifar10", root)


def test_a_broken_file_is_named(root: Path) -> None:
    (root / "cifar10/train-00001-of-00002.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="cifar10: cannot read Parquet files") as caught:
        load_dataset("cifar10", root)
    assert "\n" not in str(caught.value)


def test_a_folder_without_files_is_named(root: Path) -> None:
    (root / "mnist").mkdir()
    with pytest.raises(DataError, match=r"no train-\*.parquet in .*mnist"):
        load_dataset("mnist", root)


def test_a_missing_set_says_what_to_do_within_seconds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for offline in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(offline, raising=False)
    start = time.monotonic()
    with pytest.raises(DataError, match=r"no folder .*mnist.* out of reach; set FEDPRUNE_DATA") as caught:
        load_dataset("mnist", root)
    assert time.monotonic() - start < 5
    assert "\n" not in str(caught.value)


def test_an_unwritable_cache_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(root / "cifar10/train-00000-of-00002.parquet"))
    with pytest.raises(DataError, match="set FEDPRUNE_CACHE"):
        load_dataset("cifar10", root)


def test_an_unknown_set_is_refused_with_a_suggestion() -> None:
    with pytest.raises(plugins.UnknownPluginError, match="did you mean 'cifar10'"):
        load_dataset("cifar1O")


def test_normalise_takes_out_mean_and_deviation_per_channel(root: Path) -> None:
    dataset = load_dataset("cifar10", root)
    wanted = dataset.train_x / 255 - np.reshape(dataset.features.mean, (3, 1, 1))
    wanted /= np.reshape(dataset.features.std, (3, 1, 1))
    scaled = normalise(dataset.train_x, dataset.features)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, wanted, atol=1e-5)


def test_the_declared_digits_statistics_are_those_of_the_training_samples(digits: Dataset) -> None:
    scaled = normalise(digits.train_x, digits.features)
    assert abs(float(scaled.mean())) < 0.01
    assert abs(float(scaled.std()) - 1) < 0.01


def test_client_data_takes_the_samples_at_the_indices(digits: Dataset) -> None:
    x, y = client_data(digits, np.array([5, 2]))
    np.testing.assert_array_equal(y, digits.train_y[[5, 2]])
    np.testing.assert_array_equal(x, normalise(digits.train_x[[5, 2]], digits.features))
    x, y = client_test_data(digits, np.array([0]))
    np.testing.assert_array_equal(x, normalise(digits.test_x[:1], digits.features))
    assert (x.dtype, y.dtype) == (np.float32, np.int64)


def test_real_mnist_has_its_published_size_and_statistics(mnist: Dataset) -> None:
    assert mnist.train_x.shape == (60000, 1, 28, 28)
    assert mnist.test_x.shape == (10000, 1, 28, 28)
    assert mnist.features.mean is not None
    assert float(mnist.train_x.mean() / 255) == pytest.approx(mnist.features.mean[0], abs=1e-3)
