"""More clients than samples: each draws its own by its key, whatever others have, when it is asked for them.

Nothing of the size of the federation is made, so a million clients cost what a thousand do. With ``alpha``
clients differ in labels after "Measuring the Effects of Non-Identical Data Distribution for Federated Visual
Classification", Tzu-Ming Harry Hsu, Hang Qi, Matthew Brown, 2019, https://arxiv.org/abs/1909.06335, who draw
each client's shares of labels from a Dirichlet distribution as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedprune.data.errors import PartitionError
from fedprune.data.undivided import Undivided
from fedprune.seeds import generator
from fedprune.types import Array


@dataclass(frozen=True)
class Drawn:
    """Draw each client's samples by its key: two clients may have the same, and any number can be had."""

    samples_per_client: int = 50
    """How many samples a client draws, at least 1; fewer where its labels have no more."""
    alpha: float | None = None
    """Concentration of the Dirichlet distribution of a client's shares of labels, above 0: the lower, the
    fewer labels a client has. Unless given, all samples are equally likely."""

    def __post_init__(self) -> None:
        if self.samples_per_client < 1:
            raise PartitionError(f"samples_per_client: must be at least 1, not {self.samples_per_client}")
        if self.alpha is not None and not 0 < self.alpha < float("inf"):
            raise PartitionError(f"alpha: must be above 0, not {self.alpha}")

    def divide(self, samples: Undivided, clients: int, seed: int) -> list[Array]:
        """See ``Partitioner``; clients are not disjoint."""
        return [self.draw(samples, client, seed) for client in range(clients)]

    def draw(self, samples: Undivided, client: int, seed: int, *, beside: Undivided | None = None) -> Array:
        """See ``Drawing``."""
        random = generator(seed, "drawn samples", client=client)
        if self.alpha is None:
            return random.choice(samples.count, min(self.samples_per_client, samples.count), replace=False)
        samples.required_labels("drawn")
        labels = list((beside or samples).members)
        # Equal for training and test samples: they are drawn from one key.
        shares = random.dirichlet(np.full(len(labels), self.alpha))
        counts = random.multinomial(self.samples_per_client, shares)
        own = [np.zeros(0, np.int64)]
        for label, count in zip(labels, counts.tolist(), strict=True):
            bear = samples.members.get(label, own[0])
            own.append(bear[random.choice(len(bear), min(count, len(bear)), replace=False)])
        return np.concatenate(own)
