"""What a partitioner is given to divide: how many training samples there are, and what each bears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.types import Array


@dataclass(frozen=True)
class Undivided:
    """The training samples of a data set before any client owns them.

    ``labels`` is int64 (count,), or None where a sample bears no label. ``columns`` are further columns,
    each of length ``count``; ``client_key`` names the one that says whose a sample is.
    """

    count: int
    labels: Array | None = None
    columns: Mapping[str, Array] = field(default_factory=dict)
    client_key: str | None = None

    @cached_property
    def members(self) -> dict[int, Array]:
        """Label -> sorted int64 indices of the samples that bear it, by label; empty without labels."""
        if self.labels is None:
            return {}
        by_label = np.argsort(self.labels, kind="stable")
        labels, starts = np.unique(self.labels[by_label], return_index=True)
        return dict(zip(labels.tolist(), np.split(by_label, starts[1:]), strict=True))

    def required_labels(self, partitioner: str) -> Array:
        """The labels. Raises PartitionError, in the partitioner's name, where samples bear none."""
        if self.labels is None:
            raise PartitionError(
                f"partition '{partitioner}' divides by label, but targets that are several values or a "
                "sequence have none; use 'iid', or 'natural' where the set says whose a sample is"
            )
        return self.labels

    def required_owners(self, partitioner: str) -> Array:
        """The column that says whose a sample is. Raises PartitionError where the set has none."""
        if self.client_key is None:
            raise PartitionError(
                f"partition '{partitioner}' needs to know whose a sample is, and this set does not say; "
                "name the column with data.client, or choose another partition"
            )
        return self.columns[self.client_key]
