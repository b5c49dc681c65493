"""What a client's machine holds for a scenario: data, partition, architecture and strategy, built once a
process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch

from fedprune.compute.augmentation import CropAndFlip
from fedprune.compute.device import find_device
from fedprune.compute.model import LocalModel
from fedprune.compute.regularizers import Regularizers
from fedprune.compute.request import FitRequest, Keys, ModelState, Step
from fedprune.compute.request import Samples as Samples
from fedprune.compute.resident import Resident, room_for_samples
from fedprune.compute.schedules import Course
from fedprune.compute.trainers import Trainer, shared
from fedprune.data.client_samples import ClientSamples, make_shift
from fedprune.data.dataset import Dataset, client_test_data, load_dataset
from fedprune.data.errors import DataError
from fedprune.data.partition import Partition, make_partition
from fedprune.data.standardise import normalise
from fedprune.data.table import Columns
from fedprune.faults.availability import availability_of
from fedprune.federation.chain import Chain, open_chain
from fedprune.models import Architecture, architecture
from fedprune.privacy import check_library
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario, ScenarioError
from fedprune.scenario.sections import DataSection
from fedprune.score import Score
from fedprune.strategy import Strategy, make_strategy
from fedprune.tasks import Task, make_task
from fedprune.types import Array, Arrays, Shapes
from fedprune.wire.pipeline import Pipeline

TEST_CHUNK = 1000


@dataclass(frozen=True)
class Experiment:
    """Everything a round needs that does not change from round to round. The server builds it too."""

    scenario: Scenario
    dataset: Dataset
    partition: Partition
    samples: ClientSamples
    task: Task
    score: Score
    """What the task measures."""
    chance: float
    """The score on all training targets of the best answer that ignores the input."""
    architecture: Architecture
    strategy: Strategy
    initial: Arrays
    travelling: Shapes
    """Arrays that travel, in one direction or both, in some round or all, with their shapes."""
    maskable: Shapes
    """Parameters that a travelling mask covers."""
    teacher: Architecture
    """Of the teacher that a client trains beside its model, where the scenario asks for one."""
    chain: Chain
    """What an update goes through between training and the server's rule."""
    uplink: Pipeline
    downlink: Pipeline

    @property
    def task_name(self) -> str:
        """The name of the task's plug-in."""
        return self.scenario.task.name or self.dataset.task

    @property
    def prunable(self) -> Shapes:
        """The weights that masks may cover, in order."""
        return {name: self.architecture.shapes[name] for name in self.architecture.prunable}

    @property
    def step(self) -> Step:
        """How a step is taken in a training that belongs to no round."""
        train, schedule = self.scenario.train, self.scenario.schedule
        penalties = Regularizers(train.l1, train.batch_norm_l1, train.group_lasso)
        course = self._course if schedule.over == "steps" else Course()
        return Step(train.batch_size, train.lr, train.made(), penalties, course)

    @property
    def _course(self) -> Course:
        return Course(self.scenario.schedule.made(), self.scenario.schedule.warmup)

    def step_in(self, round: int) -> Step:
        """How a step is taken in that round, from 1."""
        if self.scenario.schedule.over == "steps":
            return self.step
        factor = self._course.factor(round - 1, self.scenario.run.rounds)
        return replace(self.step, lr=self.step.lr * factor)

    @property
    def trainer(self) -> Trainer:
        """Who carries out the clients' requests."""
        return shared(self.scenario.compute.made())

    @property
    def device(self) -> torch.device:
        """Where models and samples live. Raises UserError when this machine has no such device."""
        return find_device(self.scenario.compute.device)

    @cached_property
    def _resident(self) -> Resident:
        """Clients' samples that are on the device already."""
        return Resident(room_for_samples(self.device))

    def state(self, weights: Arrays, mask: Mask, made: Architecture | None = None) -> ModelState:
        """``weights`` under ``mask`` as a value to ask a trainer about; the client's own architecture unless
        another is given."""
        return ModelState(made or self.architecture, weights, mask, self.task, self.device)

    def model(self, weights: Arrays, mask: Mask) -> LocalModel:
        """``weights`` under ``mask``, to be trained for the task or scored."""
        return self.state(weights, mask).local()

    def fit_request(
        self, state: ModelState, samples: Samples, keys: Keys, epochs: int, *, round: int | None = None
    ) -> FitRequest:
        """A training as the scenario's [train] has it, by the task's loss; in no round unless given."""
        step = self.step if round is None else self.step_in(round)
        quantize = self.scenario.train.quantize is not None
        return FitRequest(
            state, samples, epochs, step, keys, augmentation=self.augmentation, quantize=quantize
        )

    def training(self, client: int) -> Samples:
        """The client's training samples, never empty."""
        return self._resident.get(
            ("training", client), lambda: self._here(self._told(client, self.samples.training(client)))
        )

    def gating(self, client: int) -> Samples | None:
        """The client's validation samples; None when it has none, so that gates read training data."""
        held_out = self.samples.validation(client)
        if held_out is None:
            return None
        return self._resident.get(("gating", client), lambda: self._here(self._told(client, held_out)))

    def _told(self, client: int, samples: tuple[Array, Array]) -> tuple[Array, Array]:
        """Samples with the labels that the client takes for the true ones."""
        x, y = samples
        return x, self.chain.targets(client, y, self.dataset.targets.classes)

    @property
    def augmentation(self) -> CropAndFlip | None:
        """What changes the images of each epoch; None where they stay as they are."""
        features = self.dataset.features
        how = features.augmentation
        if how is None or not self.scenario.data.augment:
            return None
        channels = features.shape[0]
        # Padded with the normalised background, which is not zero: as if padded before normalising.
        background = normalise(np.full((channels, 1, 1), how.border, np.uint8), features)
        border = torch.from_numpy(background).reshape(channels).to(self.device)
        return CropAndFlip(border, how.padding, how.flip)

    def testing(self, client: int) -> Samples:
        """The client's test samples, shifted as its training samples are."""
        return self._resident.get(("testing", client), lambda: self._as_read(self.samples.testing(client)))

    def all_testing(self) -> Iterator[Samples]:
        """The whole test set in parts, never in memory at once, and without any client's shift."""
        for start in range(0, len(self.dataset.test_y), TEST_CHUNK):
            indices = np.arange(start, min(start + TEST_CHUNK, len(self.dataset.test_y)))
            yield self._as_read(client_test_data(self.dataset, indices))

    def _as_read(self, samples: tuple[Array, Array]) -> Samples:
        """Samples on the device, laid out once as ``evaluate.fastest`` reads them each time."""
        x, y = self._here(samples)
        convolves = any(len(shape) == 4 for shape in self.architecture.shapes.values())
        return x.contiguous(memory_format=torch.channels_last) if convolves and x.dim() == 4 else x, y

    def _here(self, samples: tuple[Array, Array]) -> Samples:
        """Samples on the device."""
        x, y = (torch.from_numpy(array).to(self.device) for array in samples)
        return x, y


def open_experiment(settings: dict[str, Any], root: str | None) -> Experiment:
    """The experiment of a scenario's client settings; the last few are kept."""
    return _opened(json.dumps(settings, sort_keys=True), root)


def forget() -> None:
    """Drop all experiments that are kept: the user's code that they hold may have changed since."""
    _opened.cache_clear()


def checked_experiment(scenario: Scenario) -> Experiment:
    """What the scenario needs, opened; whatever is wrong with it comes out here, before a folder is made.

    Raises UserError for data, task, partition, model or strategy that do not fit, ScenarioError for a target
    that no run can reach.
    """
    experiment = open_experiment(scenario.client_settings(), scenario.data.root)
    try:
        experiment.score.check_target(scenario.evaluate.target)
    except ValueError as error:
        raise ScenarioError(str(error), "evaluate", "target") from None
    check_library(experiment.chain.common)
    availability_of(scenario)
    return experiment


@lru_cache(maxsize=4)
def _opened(settings: str, root: str | None) -> Experiment:
    scenario = Scenario.from_client_settings(json.loads(settings))
    dataset = open_dataset(scenario, root)
    if scenario.data.augment and dataset.features.augmentation is None:
        raise DataError(f"data set '{dataset.name}' declares no augmentation; leave out data.augment")
    section = scenario.partition
    shift = make_shift(section.shift.plain() if section.shift else None, dataset)
    partition = make_partition(
        dataset,
        section.name,
        section.clients,
        section.arguments,
        section.validation,
        section.test,
        scenario.run.seed,
    )
    task = _task(scenario, dataset)
    model = architecture(
        scenario.model.name,
        dataset.features.shape,
        task.outputs(dataset.targets),
        scenario.model.options,
        vocabulary=dataset.features.vocabulary,
        per_position=task.per_position(dataset.targets),
        prune_embeddings=scenario.model.prune_embeddings,
    )
    strategy = make_strategy({"name": scenario.strategy.name, **scenario.strategy.fields})
    if strategy.removes is not None:
        model.channels(strategy.removes)
    masked = strategy.masked(model.prunable, model.groups)
    travelling = strategy.travels(model.shapes, model.statistics)
    return Experiment(
        scenario=scenario,
        dataset=dataset,
        partition=partition,
        samples=ClientSamples(dataset, partition, shift, partition.settings["seed"]),
        task=task,
        score=task.score(dataset.targets),
        chance=task.chance(dataset.train_y),
        architecture=model,
        strategy=strategy,
        initial=model.initial_weights(scenario.run.seed),
        travelling=travelling,
        maskable={name: model.shapes[name] for name in masked},
        teacher=_teacher(scenario, model),
        chain=open_chain(scenario, dataset.targets, statistics=not model.statistics.isdisjoint(travelling)),
        uplink=Pipeline.of(scenario.uplink),
        downlink=Pipeline.of(scenario.downlink),
    )


def open_dataset(scenario: Scenario, root: str | None) -> Dataset:
    """The data set of a scenario; ``root`` is the folder of local ones. Raises DataError."""
    section = scenario.data
    return load_dataset(
        section.name, root, columns=columns_of(section), content=section.content, task=scenario.task.name
    )


def columns_of(section: DataSection) -> Columns:
    """Which columns of a table a scenario says are what."""
    target = section.target or ()
    names = (target,) if isinstance(target, str) else tuple(target)
    return Columns(names, section.client, tuple(section.features or ()))


def _task(scenario: Scenario, dataset: Dataset) -> Task:
    """What the scenario has learned: the data set's own task unless it names another.

    Raises TaskError when the data set's targets are not for it.
    """
    name = scenario.task.name or dataset.task
    return make_task(name, scenario.task.fields, dataset.targets, dataset.train_y)


def _teacher(scenario: Scenario, model: Architecture) -> Architecture:
    section = scenario.distill.model
    if section is None:
        return model
    return model.beside(section.name, section.options)
