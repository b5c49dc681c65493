"""Lets two clients wait for each other and trains both in lockstep, an epoch at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Barrier

from fedprune.compute.request import Epoch, FitRequest
from fedprune.compute.trainers import Trainer
from fedprune.compute.trainers.sequential import Sequential

_MEETING = Barrier(2)
_ASKED: list[FitRequest] = []
_ANSWERS: dict[int, list[Epoch]] = {}


@dataclass(frozen=True)
class Pairs(Trainer):
    """Clients ask in threads of their own; one of two trains for both."""

    patience: float = 60.0
    """Seconds that a client waits for another one."""

    def fit(self, request: FitRequest) -> Iterator[Epoch]:
        """The epochs, all of them once both trainings are over."""
        _ASKED.append(request)
        if _MEETING.wait(self.patience) == 0:
            trainings = [Sequential().fit(each) for each in _ASKED]
            in_lockstep = list(itertools.zip_longest(*trainings))
            for asked, epochs in zip(_ASKED, zip(*in_lockstep, strict=True), strict=True):
                _ANSWERS[id(asked)] = [epoch for epoch in epochs if epoch is not None]
            _ASKED.clear()
        _MEETING.wait(self.patience)
        return iter(_ANSWERS.pop(id(request)))
