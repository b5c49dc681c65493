"""Data in the user's own files: subfolders of images, and tables."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

from fedprune.data.dataset import load_dataset
from fedprune.data.errors import DataError
from fedprune.data.table import Columns

from .parquet import random_images

IMAGES = random_images(40, 6, 5, 3)
PATIENTS = polars.DataFrame(
    {
        "age": np.arange(40),
        "dose": np.linspace(0, 1, 40),
        "site": [f"s{row % 4}" for row in range(40)],
        "ill": [row % 2 for row in range(40)],
    }
)
ILL = Columns(("ill",), client="site")


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def save(path: str, pixels: np.ndarray) -> None:  # type: ignore[type-arg]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def photos(folder: str, images: np.ndarray = IMAGES) -> None:  # type: ignore[type-arg]
    for number, pixels in enumerate(images):
        save(f"{folder}/{('cat', 'dog')[number % 2]}/{number:02}.png", pixels)


def test_a_subfolder_of_images_is_a_class() -> None:
    photos("photos")
    dataset = load_dataset("./photos")
    assert dataset.features.shape == (3, 6, 5)
    assert (dataset.targets.names, dataset.task) == (("cat", "dog"), "classification")
    assert np.bincount(dataset.test_y).tolist() == [4, 4]
    known = {pixels.transpose(2, 0, 1).tobytes(): number % 2 for number, pixels in enumerate(IMAGES)}
    assert [known[x.tobytes()] for x in dataset.train_x] == dataset.train_y.tolist()


def test_folders_for_training_and_testing_are_kept_apart_and_gray_stays_gray() -> None:
    photos("photos/train", IMAGES[:30, :, :, 0])
    photos("photos/test", IMAGES[30:, :, :, 0])
    dataset = load_dataset("photos/")
    assert dataset.features.shape == (1, 6, 5)
    assert (len(dataset.train_y), len(dataset.test_y)) == (30, 10)


def test_a_changed_image_is_read_anew() -> None:
    photos("photos")
    before = load_dataset("./photos").fingerprint
    assert load_dataset("./photos").fingerprint == before
    save("photos/cat/00.png", IMAGES[1])
    assert load_dataset("./photos").fingerprint != before


def test_tables_of_all_kinds_hold_the_same_data_set() -> None:
    PATIENTS.write_csv("patients.csv")
    PATIENTS.write_parquet("patients.parquet")
    PATIENTS.write_ndjson("patients.jsonl")
    found = [load_dataset(f"./patients.{kind}", columns=ILL) for kind in ("csv", "parquet", "jsonl")]
    for dataset in found:
        assert dataset.features.names == ("age", "dose")
        assert dataset.client_key == "client"
        assert np.unique(dataset.test_columns["client"]).tolist() == ["s0", "s1", "s2", "s3"]
        assert sorted([*dataset.train_x[:, 0], *dataset.test_x[:, 0]]) == list(range(40))


def test_a_folder_of_tables_may_hold_a_test_split_and_several_files() -> None:
    for name, rows in (("train-0", PATIENTS[:10]), ("train-1", PATIENTS[10:30]), ("test-0", PATIENTS[30:])):
        Path("patients").mkdir(exist_ok=True)
        rows.write_csv(f"patients/{name}.csv")
    dataset = load_dataset("./patients", columns=Columns(("dose",), features=("age",)))
    assert dataset.task == "regression"
    assert (dataset.train_x[:, 0].tolist(), len(dataset.test_y)) == (list(range(30)), 10)


def test_a_relative_name_is_looked_for_under_the_root_too(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    PATIENTS.write_csv("data/patients.csv")
    assert len(load_dataset("./patients.csv", "data", columns=ILL).train_y) == 32


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("./nowhere", ILL, "no such folder or file; looked at nowhere"),
        ("./empty", ILL, "no subfolders with images, and no .csv, .parquet or .jsonl files"),
        ("./photos", ILL, "subfolders of images have no columns"),
        ("./mixed", Columns(), r"'./mixed': dog/1.png is \(3, 2, 2\) but the set's images are \(3, 3, 3\)"),
        ("./broken", Columns(), "'./broken': cat/0.png holds no image"),
        ("./strange", Columns(), "class 'dog' has images for testing but none for training"),
        ("./broken.parquet", ILL, "cannot read .*broken.parquet"),
        ("./unlike", ILL, "its files do not hold the same columns"),
        ("digits", ILL, "'digits' declares its own columns; leave out data.target"),
    ],
)
def test_files_that_are_no_data_set_are_named(name: str, columns: Columns, message: str) -> None:
    Path("empty").mkdir()
    photos("photos")
    save("mixed/cat/0.png", np.zeros((3, 3, 3), np.uint8))
    save("mixed/dog/1.png", np.zeros((2, 2, 3), np.uint8))
    Path("broken/cat").mkdir(parents=True)
    Path("broken/cat/0.png").write_bytes(b"no image")
    photos("strange/train", IMAGES[:1])
    photos("strange/test")
    Path("broken.parquet").write_bytes(b"PAR1 nothing")
    Path("unlike").mkdir()
    PATIENTS.write_csv("unlike/train-0.csv")
    PATIENTS.drop("age").write_csv("unlike/train-1.csv")
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(name, columns=columns)
    assert "\n" not in str(caught.value)


def test_an_image_of_gigabytes_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, format="PNG")
    Path("bomb/cat").mkdir(parents=True)
    Path("bomb/cat/0.png").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match=r"more than 16777216 pixels are refused|holds no image"):
        load_dataset("./bomb")
