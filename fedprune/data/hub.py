"""Reading a known set's Parquet files, local or from the Hugging Face hub."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Any

from fedprune.data.declared import HubSet
from fedprune.data.errors import DataError, one_line
from fedprune.data.schema import Content, Samples
from fedprune.data.split import keyed_tenth, last_tenth
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


def read_local(name: str, declared: HubSet, folder: Path) -> Content:
    """The set in a folder of Parquet files. Raises DataError."""
    import datasets

    datasets.disable_progress_bars()
    files = {split: [str(path) for path in paths] for split, paths in local_files(folder).items()}
    # The library keeps an Arrow copy of what it reads; ours is made from it once, so it need not stay.
    with tempfile.TemporaryDirectory() as scratch:
        try:
            tables = datasets.load_dataset("parquet", data_files=files, cache_dir=scratch)
        except Exception as error:  # the library raises a dozen unrelated types for a broken file
            raise DataError(f"{folder}: cannot read Parquet files of '{name}': {one_line(error)}") from error
        return _decode_splits(f"{folder}", declared, tables)


def read_hub(name: str, declared: HubSet, wanted: str) -> Content:
    """The set from the hub; ``wanted`` says in errors what was looked for on disk
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
        raise DataError(f"{message} ({one_line(error)}); {advice}") from error
    return _decode_splits(declared.repo, declared, tables)


def _decode_splits(where: str, declared: HubSet, tables: Any) -> Content:
    training = declared.decode(f"{where} (train)", tables["train"], declared)
    if "test" in tables:
        test = declared.decode(f"{where} (test)", tables["test"], declared)
    elif declared.client_key is not None:
        training, test = _tenth_of_each(training, declared)
    else:
        raise DataError(f"{where}: no test split; expected files test-*.parquet")
    return Content(training, test, declared.features, declared.targets, declared.task, declared.client_key)


def _tenth_of_each(samples: Samples, declared: HubSet) -> tuple[Samples, Samples]:
    """The samples as training and test samples, a tenth of each client's for testing."""
    by = declared.client_key or ""
    owners, gap = samples.columns[by], declared.test_gap
    if gap is None:
        test = keyed_tenth(owners, f"test split {by}")
        return _pick(samples, ~test), _pick(samples, test)
    training, test = last_tenth(owners, gap)
    return _pick(samples, training), _pick(samples, test)


def _pick(samples: Samples, chosen: Array) -> Samples:
    columns = {name: column[chosen] for name, column in samples.columns.items()}
    return Samples(samples.x[chosen], samples.y[chosen], columns)


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
