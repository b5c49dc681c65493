"""The samples of one client as it has them: its part of the data set, shifted where the scenario says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedprune import plugins
from fedprune.data.dataset import client_data, client_test_data
from fedprune.data.errors import PartitionError
from fedprune.data.options import configured
from fedprune.data.partition import Partition
from fedprune.data.shifts import Reading, Shift
from fedprune.data.stored import Dataset
from fedprune.types import Array


@dataclass(frozen=True)
class ClientSamples:
    """Reads clients' samples: (features as a model is given them, targets)."""

    dataset: Dataset
    partition: Partition
    shift: Shift | None = None
    seed: int = 0
    """Keys what of a shift is drawn; that of the partition."""

    def training(self, client: int) -> tuple[Array, Array]:
        """What the client trains on, never empty. Raises PartitionError when a part of the data lacks it."""
        indices = self.partition.train(client)
        if not len(indices):
            raise PartitionError(
                f"{self.dataset.part} holds nothing of client {client}: it is another's part"
            )
        samples = client_data(self.dataset, indices)
        return self._shifted(*samples, "train", client)

    def validation(self, client: int) -> tuple[Array, Array] | None:
        """What the client decides on; None when it has none."""
        indices = self.partition.validation(client)
        if not len(indices):
            return None
        return self._shifted(*client_data(self.dataset, indices), "validation", client)

    def testing(self, client: int) -> tuple[Array, Array]:
        """What the client is tested on; shifted as its training samples are."""
        samples = client_test_data(self.dataset, self.partition.test(client))
        return self._shifted(*samples, "test", client)

    def _shifted(self, x: Array, y: Array, part: str, client: int) -> tuple[Array, Array]:
        if self.shift is None:
            return x, y
        return self.shift.apply(x, y, Reading(self.seed, client, part, self.dataset.targets))


def make_shift(given: Mapping[str, Any] | None, dataset: Dataset) -> Shift | None:
    """The shift of a scenario, a plug-in's name and its keys; None where it has none.

    Raises PartitionError when it is none, or does not suit the data set; UnknownPluginError for its name.
    """
    if given is None:
        return None
    name = given.get("name")
    if not isinstance(name, str):
        known = ", ".join(plugins.names("shifts"))
        raise PartitionError(f'partition.shift needs a name: shift = {{ name = "..." }}; known: {known}')
    shift: Shift = configured("shifts", "shift", name, {key: given[key] for key in given if key != "name"})
    shift.check(dataset.features, dataset.targets)
    return shift
