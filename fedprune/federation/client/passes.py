"""How many multiply-adds a client's part of a round was."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from fedprune.compute.request import FitRequest
from fedprune.models import Architecture
from fedprune.pruning.cost import TRAINED, cost, cost_under
from fedprune.pruning.mask import Mask


class Passes:
    """The passes of samples through models that a client made in one round.

    What a pass costs is counted only when somebody asks, since that takes a forward pass of its own.
    """

    def __init__(self) -> None:
        self._made: list[tuple[int, Callable[[], int]]] = []

    def add(self, passes: int, architecture: Architecture, mask: Mask) -> None:
        """Note ``passes`` of one sample each through the model that ``mask`` leaves."""
        self._made.append((passes, partial(_under, architecture, mask.copy())))

    def add_through(self, passes: int, module: nn.Module, architecture: Architecture) -> None:
        """Note ``passes`` of one sample each through ``module``, which takes what ``architecture`` does."""
        self._made.append((passes, partial(_of, module, architecture)))

    def add_training(self, request: FitRequest, epochs: int) -> None:
        """Note ``epochs`` of a training, with what its early stopping and its teacher compute."""
        samples, model = len(request.samples[1]), request.model
        self.add(epochs * TRAINED * samples, model.architecture, model.mask)
        if request.stopping is not None:
            self.add(epochs * len(request.stopping.samples[1]), model.architecture, model.mask)
        if request.lesson is not None:
            # A teacher is asked anew only where its images change from epoch to epoch.
            asked = 1 if request.augmentation is None else epochs
            self.add_through(asked * samples, request.lesson.teacher, model.architecture)

    @property
    def multiply_adds(self) -> int:
        """The multiply-adds of all passes so far."""
        return sum(passes * each() for passes, each in self._made)


def _under(architecture: Architecture, mask: Mask) -> int:
    return cost_under(architecture, mask).multiply_adds


def _of(module: nn.Module, architecture: Architecture) -> int:
    return cost(module, architecture.example()).multiply_adds
