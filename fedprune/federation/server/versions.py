"""Which version of each client's memory counts: four bytes a client, and a round copies what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from fedprune.types import Array

PAGE = 256
"""Clients of a page: what is copied for a client that took part."""


@dataclass(frozen=True, eq=False)
class Versions(Mapping[int, int]):
    """Client -> round of the last version of its memory that the server accepted, by client.

    Never changed: the state after a round shares with the one before all pages in which nobody took part.
    """

    pages: Mapping[int, Array] = field(default_factory=dict)
    """Number of a page -> int32 (PAGE,): its clients' versions in order, 0 for a client without one. Pages
    of zeros alone are absent."""

    @classmethod
    def of(cls, table: Array) -> Versions:
        """Inverse of ``table``."""
        pages: dict[int, Array] = {}
        places, within = np.divmod(table[:, 0], PAGE)
        for place in np.unique(places):
            chosen = places == place
            pages[int(place)] = np.zeros(PAGE, np.int32)
            pages[int(place)][within[chosen]] = table[chosen, 1]
        return cls(pages)

    def table(self) -> Array:
        """int64 (clients, 2): each client that has one, ascending, with its version; for a checkpoint."""
        rows = [np.zeros((0, 2), np.int64)]
        for place in sorted(self.pages):
            within = np.flatnonzero(self.pages[place])
            rows.append(np.stack([place * PAGE + within, self.pages[place][within]], axis=1))
        return np.concatenate(rows)

    def with_newer(self, newer: Mapping[int, int]) -> Versions:
        """These versions but for the clients of ``newer``, which have those."""
        pages, copied = dict(self.pages), set[int]()
        for client, round in newer.items():
            place, within = divmod(client, PAGE)
            if place not in copied:
                pages[place] = pages[place].copy() if place in pages else np.zeros(PAGE, np.int32)
                copied.add(place)
            pages[place][within] = round
        return Versions(pages)

    def __getitem__(self, client: int) -> int:
        place, within = divmod(client, PAGE)
        if place not in self.pages or not (found := int(self.pages[place][within])):
            raise KeyError(client)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self.table()[:, 0].tolist())

    def __len__(self) -> int:
        return sum(int(np.count_nonzero(page)) for page in self.pages.values())
