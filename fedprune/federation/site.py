"""What a client's machine holds for a scenario: data, partition, architecture and strategy, built once a
process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from fedprune.data.dataset import Dataset, client_data, client_test_data, load_dataset
from fedprune.data.partition import Partition, make_partition
from fedprune.models import Architecture, architecture
from fedprune.scenario import Scenario
from fedprune.strategy import Strategy, make_strategy
from fedprune.training.loop import Step
from fedprune.types import Array, Arrays, Shapes

TEST_CHUNK = 1000

Samples = tuple[torch.Tensor, torch.Tensor]
"""Normalised images (N, C, H, W) float32 and labels (N,) int64."""


@dataclass(frozen=True)
class Site:
    """Everything a round needs that does not change from round to round. The server builds it too."""

    scenario: Scenario
    dataset: Dataset
    partition: Partition
    architecture: Architecture
    strategy: Strategy
    initial: Arrays
    travelling: Shapes
    """Arrays that travel, in one direction or both, in some round or all, with their shapes."""
    maskable: Shapes
    """Parameters that a travelling mask covers."""

    @property
    def prunable(self) -> Shapes:
        """The weights that masks may cover, in order."""
        return {name: self.architecture.shapes[name] for name in self.architecture.prunable}

    @property
    def step(self) -> Step:
        train = self.scenario.train
        return Step(train.batch_size, train.lr, train.momentum, train.weight_decay)

    def training(self, client: int) -> Samples:
        return _tensors(client_data(self.dataset, self.partition.train(client)))

    def gating(self, client: int) -> Samples | None:
        """The client's validation samples; None when it has none, so that gates read training data."""
        indices = self.partition.validation(client)
        return _tensors(client_data(self.dataset, indices)) if len(indices) else None

    def testing(self, client: int) -> Samples:
        return _tensors(client_test_data(self.dataset, self.partition.test(client)))

    def all_testing(self) -> Iterator[Samples]:
        """The whole test set, some at a time, so that it is never in memory at once."""
        for start in range(0, len(self.dataset.test_y), TEST_CHUNK):
            indices = np.arange(start, min(start + TEST_CHUNK, len(self.dataset.test_y)))
            yield _tensors(client_test_data(self.dataset, indices))


def _tensors(samples: tuple[Array, Array]) -> Samples:
    return torch.from_numpy(samples[0]), torch.from_numpy(samples[1])


def site(settings: dict[str, Any], root: str | None) -> Site:
    """The site for a scenario's client settings; the last few are kept."""
    return _site(json.dumps(settings, sort_keys=True), root)


@lru_cache(maxsize=4)
def _site(settings: str, root: str | None) -> Site:
    scenario = Scenario.from_client_settings(json.loads(settings))
    dataset = load_dataset(scenario.data.name, root)
    section = scenario.partition
    partition = make_partition(
        dataset,
        section.name,
        section.clients,
        section.arguments,
        section.validation,
        section.test,
        scenario.run.seed,
    )
    model = architecture(
        scenario.model.name, dataset.input_shape, dataset.num_classes, scenario.model.options
    )
    strategy = make_strategy({"name": scenario.strategy.name, **scenario.strategy.fields})
    masked = strategy.masked(model.prunable, model.groups)
    return Site(
        scenario=scenario,
        dataset=dataset,
        partition=partition,
        architecture=model,
        strategy=strategy,
        initial=model.initial_weights(scenario.run.seed),
        travelling=strategy.travels(model.shapes, model.statistics),
        maskable={name: model.shapes[name] for name in masked},
    )
