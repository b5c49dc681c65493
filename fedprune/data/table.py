"""Tables as arrays: which columns are features, target and client, and how columns become numbers.

Numbers stay as they are and truth values become 0 and 1. A column of at most MOST_CATEGORIES different texts
becomes one column of 0 and 1 for each of them (one-hot, after the training samples; a text that only occurs
in the test split becomes zeros). Missing values, dates and longer lists of texts are refused: how to fill
them is for those to say who know the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune import plugins
from fedprune.data.errors import DataError
from fedprune.data.images import decoded, numbered
from fedprune.data.own import Own, Split
from fedprune.types import Array

if TYPE_CHECKING:
    import polars

MOST_CATEGORIES = 50


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are what."""

    target: tuple[str, ...] = ()
    """What is to be predicted; several columns are one target of several values."""
    client: str | None = None
    """The column that says whose a sample is, if there is one."""
    features: tuple[str, ...] = ()
    """The columns to learn from; all that are neither target nor client, unless given."""

    def __bool__(self) -> bool:
        return self != Columns()


def own_table(where: str, training: polars.DataFrame, test: polars.DataFrame | None, columns: Columns) -> Own:
    """What the rows of a table are, with the columns named as they are there.

    Raises DataError, beginning with ``where``, for a column that is not there or cannot be used.
    """
    features = _feature_columns(where, training, columns)
    for frame in (training, test):
        if frame is not None:
            _check_columns(where, frame, [*features, *columns.target], columns.client)
    values = _Values(where, training, features)
    splits = [
        Split(values.of(frame), _target(where, frame, columns.target), _owners(frame, columns.client))
        for frame in (training, test)
        if frame is not None
    ]
    return Own(splits[0], splits[1] if test is not None else None, values.vocabulary, values.names)


def _feature_columns(where: str, frame: polars.DataFrame, columns: Columns) -> list[str]:
    if not columns.target:
        raise DataError(
            f"{where}: say with data.target which column to predict; columns are {', '.join(frame.columns)}"
        )
    others = [name for name in frame.columns if name not in (*columns.target, columns.client)]
    chosen = list(columns.features) or others
    for name in columns.target:
        if name in chosen:
            raise DataError(f"{where}: column '{name}' is the target; leave it out of data.features")
    if not chosen:
        raise DataError(f"{where}: there is no column beside the target to learn from")
    return chosen


def _check_columns(where: str, frame: polars.DataFrame, names: list[str], client: str | None) -> None:
    for name in [*names, *([client] if client is not None else [])]:
        if name not in frame.columns:
            raise DataError(f"{where}: no column '{name}'{plugins.suggest(name, frame.columns)}")
        missing = frame[name].null_count()
        if missing:
            raise DataError(
                f"{where}: column '{name}' has {missing} missing values; fill them, drop those rows"
                + (", or leave it out with data.features" if name != client else "")
            )


def _target(where: str, frame: polars.DataFrame, names: tuple[str, ...]) -> Array:
    parts = [_plain(where, frame[name]) for name in names]
    if len(parts) == 1:
        return parts[0]
    if any(part.ndim != 1 or part.dtype.kind not in "biuf" for part in parts):
        raise DataError(f"{where}: several targets must be columns of numbers")
    return np.stack(parts, axis=1)


def _owners(frame: polars.DataFrame, name: str | None) -> Array | None:
    if name is None:
        return None
    owners = frame[name].to_numpy()
    return owners.astype(str) if owners.dtype.kind not in "iu" else owners


def _plain(where: str, column: polars.Series) -> Array:
    """A target's column as an array of numbers, truth values or texts; lists of equal length as (N,
    length)."""
    import polars

    if isinstance(column.dtype, polars.List | polars.Array):
        return _lists(where, column)
    if column.dtype in (polars.Categorical, polars.Enum, polars.String):
        return np.asarray(column.cast(polars.String).to_list(), dtype=np.str_)
    if not (column.dtype.is_numeric() or column.dtype == polars.Boolean):
        raise DataError(f"{where}: column '{column.name}' is {column.dtype}; give numbers or texts")
    return np.asarray(column.to_numpy())


def _lists(where: str, column: polars.Series) -> Array:
    try:
        found = np.asarray(column.to_list())
    except ValueError as error:
        raise DataError(f"{where}: the lists in column '{column.name}' differ in length; pad them") from error
    if found.dtype.kind not in "biuf":
        raise DataError(f"{where}: the lists in column '{column.name}' do not hold numbers")
    return found


class _Values:
    """How the feature columns become one array: settled by the training rows, then the same for all rows."""

    def __init__(self, where: str, training: polars.DataFrame, columns: list[str]) -> None:
        import polars

        self._where, self._columns = where, columns
        self.vocabulary: int | None = None
        self._shape: tuple[int, ...] | None = None
        first = training[columns[0]]
        self._alone = len(columns) == 1 and isinstance(
            first.dtype, polars.List | polars.Array | polars.Struct
        )
        self._categories: dict[str, list[str]] = {}
        if not self._alone:
            for name in columns:
                self._categories.update(self._texts(training[name]))
        elif not isinstance(first.dtype, polars.Struct):
            lists = _lists(where, first)
            if lists.dtype.kind in "iu":
                self.vocabulary = int(lists.max(initial=0)) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the array's columns; those of one-hot columns are "column=text"."""
        if self._alone:
            return ()
        return tuple(
            made
            for name in self._columns
            for made in (
                [f"{name}={text}" for text in self._categories[name]] if name in self._categories else [name]
            )
        )

    def of(self, frame: polars.DataFrame) -> Array:
        """The features of all rows, (N, *shape)."""
        if self._alone:
            return self._only(frame[self._columns[0]])
        parts = [self._numbers(frame[name]) for name in self._columns]
        return np.concatenate(parts, axis=1)

    def _only(self, column: polars.Series) -> Array:
        import polars

        if not isinstance(column.dtype, polars.Struct):
            return _lists(self._where, column)
        if "bytes" not in [field.name for field in column.dtype.fields]:
            raise DataError(
                f"{self._where}: column '{column.name}' is {column.dtype}; give numbers or images"
            )
        pixels = decoded(self._where, numbered(column.struct.field("bytes")), len(column), self._shape)
        self._shape = pixels.shape[1:]
        return pixels

    def _numbers(self, column: polars.Series) -> Array:
        if column.name not in self._categories:
            return np.asarray(column.to_numpy(), dtype=np.float64)[:, None]
        texts = np.asarray(_text(column).to_list(), dtype=np.str_)
        same: Array = texts[:, None] == np.asarray(self._categories[column.name])[None]
        return same.astype(np.float64)

    def _texts(self, column: polars.Series) -> dict[str, list[str]]:
        """The categories of a column of texts by its name; nothing for one of numbers."""
        import polars

        if column.dtype.is_numeric() or column.dtype == polars.Boolean:
            return {}
        if column.dtype not in (polars.Categorical, polars.Enum, polars.String):
            raise DataError(
                f"{self._where}: column '{column.name}' is {column.dtype}; turn it into numbers, or leave it "
                "out with data.features"
            )
        different: list[Any] = sorted(_text(column).unique().to_list())
        if len(different) > MOST_CATEGORIES:
            raise DataError(
                f"{self._where}: column '{column.name}' has {len(different)} different texts, too many to be "
                f"categories (at most {MOST_CATEGORIES}); turn them into numbers, or leave it out with "
                "data.features"
            )
        return {column.name: different}


def _text(column: polars.Series) -> polars.Series:
    import polars

    return column.cast(polars.String)
