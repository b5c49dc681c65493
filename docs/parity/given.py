"""What a finished run of fedprune was given, in the form in which authors' programs want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import fedprune
from fedprune.federation.experiment import Experiment, checked_experiment
from fedprune.scenario import Scenario


@dataclass(frozen=True)
class Given:
    """The same images, partition, initial weights and sampled clients that a run had.

    Every image stands once in ``images``: first those that clients train on, then those that decide.
    ``training`` and ``deciding`` hold each client's places in it.
    """

    experiment: Experiment
    sampled: Sequence[Sequence[int]]
    """The clients of each round."""
    images: Images
    training: Mapping[int, Sequence[int]]
    deciding: Mapping[int, Sequence[int]]

    @classmethod
    def of(cls, folder: Path) -> Given:
        """What the run in ``folder`` was given. Its data set is read again."""
        run = fedprune.load(folder)
        experiment = checked_experiment(Scenario.from_dict(dict(run.scenario)))
        clients = range(experiment.partition.clients)
        parts = [experiment.training(client) for client in clients]
        parts += [experiment.gating(client) or experiment.training(client) for client in clients]
        ends = np.cumsum([0, *(len(y) for _, y in parts)])
        places = [range(start, end) for start, end in pairwise(ends)]
        return cls(
            experiment,
            run.rounds["clients"].to_list(),
            Images(torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])),
            dict(zip(clients, places, strict=False)),
            dict(zip(clients, places[len(clients) :], strict=False)),
        )

    @property
    def clients(self) -> range:
        """All clients."""
        return range(self.experiment.partition.clients)

    @property
    def scenario(self) -> Scenario:
        """The run's settings."""
        return self.experiment.scenario

    @property
    def method(self) -> str:
        """The name of the run's strategy."""
        return self.scenario.strategy.name

    @property
    def strategy(self) -> Any:
        """The run's strategy, whose fields are its options."""
        return self.experiment.strategy

    def net(self) -> nn.Module:
        """The run's model with its initial weights; ``weight_keys`` are its layers from last to first but for
        the three linear ones, which stand first, as in the network of LG-FedAvg's and FedRep's authors."""
        net = self.experiment.architecture.load(self.experiment.initial)
        layers = ("fc1", "fc2", "fc3", "conv2", "conv1")
        net.weight_keys = [[f"{layer}.weight", f"{layer}.bias"] for layer in layers]  # type: ignore[assignment]
        return net

    def score(self, client: int, net: nn.Module) -> float:
        """The share of the client's test images that ``net`` gets right."""
        x, y = self.experiment.testing(client)
        with torch.no_grad():
            return float((net.eval()(x).argmax(dim=1) == y).float().mean())

    def load(self, state: Mapping[str, torch.Tensor]) -> nn.Module:
        """A model of its own with that state."""
        net = self.net()
        net.load_state_dict(dict(state))
        return net


@dataclass(frozen=True)
class Images:
    """Images and labels as torchvision's data sets have them."""

    x: torch.Tensor
    y: torch.Tensor

    @property
    def targets(self) -> list[int]:
        """All labels."""
        return self.y.tolist()

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return self.x[int(place)], int(self.y[int(place)])
