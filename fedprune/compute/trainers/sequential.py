"""One request after another, each by a loop of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedprune.compute.trainers import Trainer

if TYPE_CHECKING:
    from fedprune.compute.request import Epoch, FitRequest


@dataclass(frozen=True)
class Sequential(Trainer):
    """Each epoch is there as soon as it is trained."""

    def fit(self, request: FitRequest) -> Iterator[Epoch]:
        import torch

        from fedprune.compute.early_stopping import Watch
        from fedprune.compute.loop import Loop
        from fedprune.compute.request import DivergedError, Epoch

        loop, batches = Loop.of(request), request.keys.batches.generator()
        watch = None if request.stopping is None else Watch(request.stopping)
        for number in range(1, request.epochs + 1):
            loss = loop.epoch(torch.from_numpy(batches.permutation(len(loop.y))))
            if not (math.isfinite(loss) and loop.model.is_finite()):
                raise DivergedError(f"training diverged in epoch {number} (loss {loss:g}); lower train.lr")
            best = watch is None or watch.is_best(loop.model)
            ends_here = number == request.epochs if watch is None else best
            weights = loop.model.weights() if request.every_epoch or ends_here else None
            yield Epoch(number, loss, best, weights)
            if watch is not None and watch.is_over:
                return
