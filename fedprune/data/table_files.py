"""Tables in files: CSV (with a line of names), Parquet, or JSON lines (an object a line)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fedprune.data.errors import DataError, one_line
from fedprune.data.own import Own
from fedprune.data.table import Columns, own_table

if TYPE_CHECKING:
    import polars

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")


def table_files(path: Path) -> dict[str, list[Path]]:
    """The files of each split, sorted: train* and test* in a folder, else all of them are for training."""
    if path.is_file():
        return {"train": [path]} if path.suffix.lower() in SUFFIXES else {}
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    found = {split: [file for file in files if file.name.startswith(split)] for split in ("train", "test")}
    if not found["train"]:
        found = {"train": files}
    return {split: own for split, own in found.items() if own}


def own_table_files(where: str, files: dict[str, list[Path]], columns: Columns) -> Own:
    """What the rows of the files are. Raises DataError for a file that cannot be read, or holds other
    columns."""
    test = _frame(where, files["test"]) if "test" in files else None
    return own_table(f"'{where}'", _frame(where, files["train"]), test, columns)


def _frame(where: str, files: list[Path]) -> polars.DataFrame:
    import polars

    readers: dict[str, Callable[[Path], polars.DataFrame]] = {
        ".csv": polars.read_csv,
        ".parquet": polars.read_parquet,
    }
    frames: list[polars.DataFrame] = []
    for path in files:
        try:
            frames.append(readers.get(path.suffix.lower(), polars.read_ndjson)(path))
        except Exception as error:  # a dozen unrelated types for a broken file
            raise DataError(f"'{where}': cannot read {path} ({one_line(error)})") from error
    try:
        return polars.concat(frames, how="vertical_relaxed")
    except polars.exceptions.PolarsError as error:
        raise DataError(f"'{where}': its files do not hold the same columns ({one_line(error)})") from error
