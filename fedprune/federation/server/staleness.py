"""An update that a client trained from an older model, as one of the present round.

Nguyen, Malik, Zhan, Yousefpour, Rabbat, Malek, Huba: Federated Learning with Buffered Asynchronous
Aggregation, AISTATS 2022, https://arxiv.org/abs/2106.06639 (FedBuff): the server adds the mean of what the
buffered clients changed, each times s(t) = 1 / sqrt(1 + t), where t counts the server's steps since the
client was sent its model. Exponents other than a half are those of FedAsync's polynomial (Xie, Koyejo, Gupta:
Asynchronous Federated Optimization, 2019, https://arxiv.org/abs/1903.03934).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from fedprune.aggregation import Update
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class Staleness:
    """How an update counts after so many rounds."""

    rounds: int
    """The rounds that ended since the client was sent its order; 0 in lockstep."""
    exponent: float

    @property
    def weight(self) -> float:
        """(1 + rounds)^-exponent: 1 for an update that is not stale."""
        return float((1 + self.rounds) ** -self.exponent)

    def rebased(self, update: Update, sent: Arrays, weights: Arrays, statistics: Collection[str]) -> Update:
        """The update with the values that it would have if its client had begun from ``weights``.

        A value becomes the server's present one plus ``weight`` times what the client changed. So a mean of
        such values, over whichever clients hold a coordinate, moves the server by the mean of their weighted
        changes, and aggregators and server optimizers see what they see in lockstep. An update that is not
        stale stays as it is, to the bit.

        Args:
            update: the client's.
            sent: the arrays of its order, before they were encoded.
            weights: the server's now. What is not among them, or was not sent, stays as the client says.
            statistics: names of running statistics, which are no sums of changes: they are mixed, so that
                no variance becomes negative.
        """
        if not self.rounds:
            return update
        arrays = dict(update.arrays)
        for name in arrays.keys() & sent.keys() & weights.keys():
            base = weights[name] if name in statistics else sent[name]
            arrays[name] = self._moved(arrays[name], base, weights[name])
        return replace(update, arrays=arrays)

    def _moved(self, value: Array, base: Array, now: Array) -> Array:
        change = value.astype(np.float64) - base
        return np.asarray(now + self.weight * change, value.dtype)
