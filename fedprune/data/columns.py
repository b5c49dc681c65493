"""Finding a known set's columns by the names that sources give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.data.errors import DataError
from fedprune.types import Array

if TYPE_CHECKING:
    from fedprune.data.declared import HubSet


def find_column(where: str, names: tuple[str, ...], present: Sequence[str]) -> str:
    """The first of ``names`` that is present. Raises DataError when none is."""
    for name in names:
        if name in present:
            return name
    expected = " or ".join(f"'{name}'" for name in names)
    raise DataError(f"{where}: no column {expected}; columns are {', '.join(present)}")


def extra_columns(where: str, declared: HubSet, table: Any) -> dict[str, Array]:
    """Our name -> values (N,) of the columns that a known set declares beside features and targets."""
    return {
        name: np.asarray(table[find_column(where, names, table.column_names)][:])
        for name, names in declared.columns.items()
    }
