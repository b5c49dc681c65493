"""Reading a set's Parquet files, local or from the Hugging Face hub, and decoding its images."""

from __future__ import annotations

import io
import os
import ssl
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from fedprune.data.errors import DataError
from fedprune.data.image_set import ImageSet, Samples
from fedprune.seeds import generator
from fedprune.types import Array

PROBE_SECONDS = 4.0


def local_files(folder: Path) -> dict[str, list[Path]]:
    """Split name -> its Parquet files, sorted. Raises DataError when there are no training files."""
    files = {split: sorted(folder.glob(f"{split}-*.parquet")) for split in ("train", "test")}
    if not files["train"]:
        raise DataError(
            f"no train-*.parquet in {folder}; put the set's Parquet files there or remove the folder"
        )
    return {split: paths for split, paths in files.items() if paths}


def read_local(name: str, declared: ImageSet, folder: Path) -> tuple[Samples, Samples]:
    """The training and test samples in a folder of Parquet files. Raises DataError."""
    import datasets

    datasets.disable_progress_bars()
    files = {split: [str(path) for path in paths] for split, paths in local_files(folder).items()}
    # The library keeps an Arrow copy of what it reads; ours is made from it once, so it need not stay.
    with tempfile.TemporaryDirectory() as scratch:
        try:
            tables = datasets.load_dataset("parquet", data_files=files, cache_dir=scratch)
        except Exception as error:  # the library raises a dozen unrelated types for a broken file
            raise DataError(f"{folder}: cannot read Parquet files of '{name}': {_one_line(error)}") from error
        return _decode_splits(f"{folder}", declared, tables)


def read_hub(name: str, declared: ImageSet, wanted: str) -> tuple[Samples, Samples]:
    """The training and test samples from the hub; ``wanted`` says in errors what was looked for on disk
    before.

    Raises DataError, within seconds when the hub is out of reach.
    """
    advice = "set FEDPRUNE_DATA or data.root to a folder that holds it, or go online"
    if not _told_offline() and not _reachable(_endpoint()):
        raise DataError(f"data set '{name}': {wanted} and {_endpoint()} is out of reach; {advice}")
    import datasets

    datasets.disable_progress_bars()
    try:
        tables = datasets.load_dataset(declared.repo)
    except Exception as error:  # network, disk and format errors of several libraries
        message = f"data set '{name}': {wanted} and '{declared.repo}' cannot be had from the hub"
        raise DataError(f"{message} ({_one_line(error)}); {advice}") from error
    return _decode_splits(declared.repo, declared, tables)


def _decode_splits(where: str, declared: ImageSet, tables: Any) -> tuple[Samples, Samples]:
    training = _decode(f"{where} (train)", declared, tables["train"])
    if declared.test_by is not None:
        return _keyed_tenth(training, declared.test_by)
    if "test" not in tables:
        raise DataError(f"{where}: no test split; expected files test-*.parquet")
    return training, _decode(f"{where} (test)", declared, tables["test"])


def _decode(where: str, declared: ImageSet, table: Any) -> Samples:
    import datasets

    image = _column(where, declared.image, table.column_names)
    label = _column(where, declared.label, table.column_names)
    extra = {name: _column(where, known, table.column_names) for name, known in declared.columns.items()}
    y = np.asarray(table.with_format("numpy")[label][:], dtype=np.int64)
    if len(y) == 0 or y.min() < 0 or y.max() >= declared.num_classes:
        raise DataError(f"{where}: column '{label}' must hold labels 0..{declared.num_classes - 1}")
    columns = {name: np.asarray(table[column][:]) for name, column in extra.items()}
    encoded = table.select_columns([image]).cast_column(image, datasets.Image(decode=False))
    x = _decode_images(
        where,
        (cell["bytes"] for batch in encoded.iter(1000) for cell in batch[image]),
        len(y),
        len(declared.mean),
    )
    return Samples(x, y, columns)


def _decode_images(where: str, images: Iterable[bytes], count: int, channels: int) -> Array:
    from PIL import Image, UnidentifiedImageError

    x: Array | None = None
    for position, data in enumerate(images):
        try:
            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L" if channels == 1 else "RGB"))
        except (UnidentifiedImageError, OSError, TypeError) as error:
            raise DataError(f"{where}: row {position} holds no image ({_one_line(error)})") from error
        pixels = pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
        if x is None:
            x = np.empty((count, *pixels.shape), dtype=np.uint8)
        if pixels.shape != x.shape[1:]:
            raise DataError(f"{where}: row {position} is {pixels.shape} but the first is {x.shape[1:]}")
        x[position] = pixels
    assert x is not None
    return x


def _keyed_tenth(samples: Samples, by: str) -> tuple[Samples, Samples]:
    values, group = np.unique(samples.columns[by], return_inverse=True)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    test = np.zeros(len(samples.y), dtype=np.bool_)
    for value, own in zip(values, members, strict=True):
        test[generator(0, f"test split {by} {value}").permutation(own)[: len(own) // 10]] = True
    return _pick(samples, ~test), _pick(samples, test)


def _pick(samples: Samples, chosen: Array) -> Samples:
    columns = {name: column[chosen] for name, column in samples.columns.items()}
    return Samples(samples.x[chosen], samples.y[chosen], columns)


def _column(where: str, known: tuple[str, ...], present: list[str]) -> str:
    for name in known:
        if name in present:
            return name
    expected = " or ".join(f"'{name}'" for name in known)
    raise DataError(f"{where}: no column {expected}; columns are {', '.join(present)}")


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def _told_offline() -> bool:
    # Then the library itself refuses the network at once and reads what it has downloaded before.
    return any(
        os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
    )


def _reachable(url: str) -> bool:
    """Whether the hub answers within PROBE_SECONDS: the library itself would retry for minutes."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    answered = threading.Event()

    def probe() -> None:
        try:
            urlopen(url, timeout=PROBE_SECONDS).close()
        except HTTPError as error:
            if error.code >= 500:
                return
        except (OSError, HTTPException, ValueError) as error:
            # A certificate that only the library's own bundle knows is still an answer.
            if not (isinstance(error, URLError) and isinstance(error.reason, ssl.SSLError)):
                return
        answered.set()

    # In a thread, since looking up a name knows no time limit.
    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return answered.is_set()


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:200]
