"""Characters as token ids, and the decoding of windows of text with the character that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.data.columns import extra_columns, find_column
from fedprune.data.errors import DataError
from fedprune.data.schema import Samples
from fedprune.types import Array

if TYPE_CHECKING:
    from fedprune.data.declared import HubSet

CHARACTERS = "\n !\"&'(),-.0123456789:;>?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvwxyz}"
"""The characters that have a token id of their own, in order: the 80 of LEAF's Shakespeare."""

VOCABULARY = len(CHARACTERS) + 1
"""Token ids in all; the last is every other character's."""

BATCH = 10_000


def encode(text: str) -> Array:
    """The token ids of each character, uint8 (len(text),)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    # Whatever has no id of its own is sent to the table's last entry, which no known character has.
    return _table()[np.minimum(codes, 255)]


def decode_text(where: str, table: Any, declared: HubSet) -> Samples:
    """The samples of a ``datasets.Dataset`` of windows: token ids uint8 (N, length), the next int64 (N,).

    Raises DataError when a column is missing or a cell is not a text of the declared length.
    """
    (length,) = declared.features.shape
    window = find_column(where, declared.x, table.column_names)
    following = find_column(where, declared.y, table.column_names)
    x = np.empty((len(table), length), np.uint8)
    y = np.empty(len(table), np.int64)
    for start in range(0, len(table), BATCH):
        cells = table[start : start + BATCH]
        end = start + len(cells[window])
        x[start:end] = _encode_cells(where, window, cells[window], length, start)
        y[start:end] = _encode_cells(where, following, cells[following], 1, start)[:, 0]
    # Numbers take a tenth of the memory of names.
    columns = {
        name: np.unique(values, return_inverse=True)[1].astype(np.int32)
        for name, values in extra_columns(where, declared, table).items()
    }
    return Samples(x, y, columns)


def _encode_cells(where: str, column: str, cells: list[Any], length: int, start: int) -> Array:
    for position, cell in enumerate(cells, start):
        if not isinstance(cell, str) or len(cell) != length:
            what = f"{len(cell)} characters" if isinstance(cell, str) else "no text"
            raise DataError(
                f"{where}: row {position} of column '{column}' has {what}, not {length} characters"
            )
    return encode("".join(cells)).reshape(-1, length)


def _table() -> Array:
    table = np.full(256, VOCABULARY - 1, np.uint8)
    table[[ord(character) for character in CHARACTERS]] = np.arange(len(CHARACTERS))
    return table
