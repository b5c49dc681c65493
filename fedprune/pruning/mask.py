"""``Mask``: which coordinates of which parameters are kept, by parameter name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, MutableMapping

import numpy as np

from fedprune.types import Arrays, Bools, Shapes


class Mask(MutableMapping[str, Bools]):
    """Parameter name -> bool array of the parameter's full shape; True is kept.

    A parameter without an entry is dense: all of it is kept. Entries are validated on write: names are
    non-empty strings, arrays hold bools (or numbers that are all 0 or 1), anything else raises ValueError or
    TypeError.
    """

    def __init__(self, entries: Mapping[str, Bools] | None = None) -> None:
        self._entries: dict[str, Bools] = {}
        for name, kept in (entries or {}).items():
            self[name] = kept

    @classmethod
    def ones(cls, shapes: Shapes) -> Mask:
        """A mask that keeps everything of every parameter in ``shapes``."""
        return cls({name: np.ones(shape, np.bool_) for name, shape in shapes.items()})

    def __getitem__(self, name: str) -> Bools:
        return self._entries[name]

    def __setitem__(self, name: str, kept: Bools) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"a mask's entries are named by parameter, not by {name!r}")
        array = np.asarray(kept)
        if array.dtype != np.bool_:
            if array.dtype.kind not in "iuf" or not np.isin(array, (0, 1)).all():
                raise ValueError(f"mask of {name}: entries must be bools, or numbers that are 0 or 1")
            array = array.astype(np.bool_)
        self._entries[name] = np.ascontiguousarray(array).reshape(array.shape)

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return self.keys() == other.keys() and all(
            np.array_equal(kept, other[name]) for name, kept in self.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Mask({self.kept} of {self.size} kept in {len(self)} parameters)"

    def with_dense(self, shapes: Shapes) -> Mask:
        """This mask, with an entry that keeps everything for each parameter of ``shapes`` that has none."""
        return Mask({**Mask.ones(shapes), **self})

    def copy(self) -> Mask:
        """A mask with the same entries that shares no memory with this one."""
        return Mask({name: kept.copy() for name, kept in self.items()})

    @property
    def size(self) -> int:
        """Number of coordinates that the mask speaks of."""
        return sum(kept.size for kept in self.values())

    @property
    def kept(self) -> int:
        """How many coordinates the mask keeps, of those that it speaks of."""
        return sum(int(np.count_nonzero(kept)) for kept in self.values())

    @property
    def density(self) -> float:
        """Kept share of all coordinates, 1.0 for an empty mask."""
        return self.kept / self.size if self.size else 1.0

    def densities(self) -> dict[str, float]:
        """Kept share of each parameter (1.0 where it has no entries)."""
        return {name: float(kept.mean()) if kept.size else 1.0 for name, kept in self.items()}

    def is_subset(self, other: Mask) -> bool:
        """Whether everything kept here is kept in ``other`` (a parameter without an entry there is dense)."""
        return all(name not in other or not np.any(kept & ~other[name]) for name, kept in self.items())

    def apply(self, weights: Arrays) -> Arrays:
        """Copies of ``weights`` with pruned coordinates at zero; dense parameters are passed through."""
        return {
            name: np.where(self[name], value, value.dtype.type(0)) if name in self else value
            for name, value in weights.items()
        }


def distance(first: Mask, second: Mask, names: Iterable[str]) -> float:
    """Mean over the named parameters of the share of entries in which two masks differ, in [0, 1]."""
    return float(np.mean([np.mean(first[name] != second[name]) for name in names]))


def kept_counts(mask: Mask, shapes: Shapes) -> list[int]:
    """Number of kept coordinates of each parameter in ``shapes``, in order; one without an entry is dense."""
    return [
        int(np.count_nonzero(mask[name])) if name in mask else math.prod(shape)
        for name, shape in shapes.items()
    ]


def density_of(mask: Mask, shapes: Shapes) -> float:
    """Kept share of all coordinates of the parameters in ``shapes``; one without an entry is dense."""
    return sum(kept_counts(mask, shapes)) / sum(math.prod(shape) for shape in shapes.values())
