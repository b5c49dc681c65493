"""What a client makes of its model once the federation is over: pruned on its own data to several densities,
with the controls that tell what its mask was worth.

Every model starts from the same weights, trains as long and meets the same batches; only masks differ. Test
data are only reported: what a client chooses, it chooses on validation data, or on training data where it has
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from fedprune import plugins
from fedprune.compute.distillation import Lesson
from fedprune.compute.request import FitRequest, Keys, ScoreRequest, Stopping
from fedprune.compute.schedules import Course
from fedprune.compute.statistics import reestimated
from fedprune.compute.trainers import trained
from fedprune.federation.client.work import LocalWork
from fedprune.federation.experiment import Experiment
from fedprune.federation.protocol.personal import PersonalScore, prunable_units, size_in_bytes
from fedprune.pruning import schedule
from fedprune.pruning.controls import random_like
from fedprune.pruning.cost import cost_under
from fedprune.pruning.criteria import Evidence, criterion
from fedprune.pruning.granularity import prune_units
from fedprune.pruning.mask import Mask, density_of
from fedprune.scenario.sections import PersonalizeSection
from fedprune.types import Arrays


@dataclass(frozen=True, eq=False)
class Personal:
    """One of a client's models after the last round."""

    weights: Arrays
    """In full coordinates."""
    mask: Mask
    said: PersonalScore
    """What is reported of it."""


class Personalization:
    """One client's training and pruning after the last round."""

    def __init__(
        self,
        experiment: Experiment,
        section: PersonalizeSection,
        client: int,
        round: int,
        weights: Arrays,
        mask: Mask,
    ) -> None:
        """``weights`` under ``mask`` are what the client begins with; ``round``, the one after the last, keys
        what is drawn."""
        self._experiment, self._section, self._client, self._round = experiment, section, client, round
        self._samples = experiment.training(client)
        self._work = LocalWork(experiment, client, round, self._samples)
        self._begin, self._mask = weights, mask

    def models(self, shared: Mapping[float, Mask]) -> list[Personal]:
        """The client's models: the dense one, then for each density its own and the controls.

        Args:
            shared: density -> the mask of that density that all clients have in common; may be empty.
        """
        made = [self._described("dense", 1.0, self._trained_on(self._mask, taught=False), self._mask)]
        for density in self._section.densities:
            weights, own = self._own(density)
            made.append(self._described("own", density, weights, own))
            made += (
                self._described(kind, density, self._trained_on(mask), mask)
                for kind, mask in self._controls(density, own, shared)
            )
        return self._with_choice(made)

    def _controls(
        self, density: float, own: Mask, shared: Mapping[float, Mask]
    ) -> Iterator[tuple[str, Mask]]:
        """Masks as dense as the client's own that its data had no part in, by kind."""
        if density in shared:
            yield "shared", _both(shared[density], self._mask)
        rng = self._work.rng(f"personalize random {density}")
        yield "random", random_like(own, self._experiment.architecture, rng, self._mask)

    @cached_property
    def _before(self) -> Arrays:
        """The weights that all models have in common: trained before the first pruning."""
        epochs = self._section.before
        return self._fit(self._begin, self._mask, "before", epochs) if epochs else self._begin

    @cached_property
    def _lesson(self) -> Lesson | None:
        weights = {"none": None, "dense": self._before, "received": self._begin}[self._section.teacher]
        if weights is None:
            return None
        teacher = self._experiment.model(weights, self._mask).module
        return Lesson(teacher, self._section.alpha, self._section.temperature)

    def _own(self, density: float) -> tuple[Arrays, Mask]:
        """Weights and mask after all prunings by the client's own criterion, each followed by training."""
        weights, mask, section = self._before, self._mask, self._section
        share = 1 - density ** (1 / section.steps)
        for step in range(1, section.steps + 1):
            sparsity = schedule.iterative(step, step=share, target=1 - density)
            mask = self._pruned(weights, mask, sparsity)
            weights = self._after(weights, mask, step)
        return weights, mask

    def _trained_on(self, mask: Mask, *, taught: bool = True) -> Arrays:
        """Weights trained as long as the client's own models are, under one mask from the first step on."""
        weights = self._before
        for step in range(1, self._section.steps + 1):
            weights = self._after(weights, mask, step, taught=taught)
        return weights

    def _pruned(self, weights: Arrays, mask: Mask, sparsity: float) -> Mask:
        experiment, work = self._experiment, self._work
        made = experiment.architecture
        evidence = Evidence(
            made.prunable,
            made.groups,
            gradient=lambda: work.gradient(weights),
            activity=lambda: work.activity(weights, mask),
            rng=partial(work.rng, "importance"),
        )
        importance = criterion(self._section.criterion)(mask.apply(weights), evidence)
        units = prunable_units(experiment, self._section)
        return prune_units(mask, units, importance, sparsity, self._section.scope, made.shapes)

    def _after(self, weights: Arrays, mask: Mask, step: int, *, taught: bool = True) -> Arrays:
        lesson = self._lesson if taught else None
        return self._fit(mask.apply(weights), mask, f"after {step}", self._section.after, lesson)

    def _fit(
        self, weights: Arrays, mask: Mask, stage: str, epochs: int, lesson: Lesson | None = None
    ) -> Arrays:
        """Train as [train] says; the keys of a stage are the same for all masks."""
        experiment = self._experiment
        pattern, seed = f"personalize {stage} {{}}", experiment.scenario.run.seed
        keys = Keys.named(pattern, seed, round=self._round, client=self._client)
        state = experiment.state(weights, mask)
        request = experiment.fit_request(state, self._samples, keys, epochs)
        course = Course(plugins.dataclass_of("schedules", self._section.schedule)())
        step = replace(request.step, course=course)
        return trained(
            experiment.trainer, replace(request, step=step, lesson=lesson, stopping=self._stopping(request))
        )

    def _stopping(self, request: FitRequest) -> Stopping | None:
        patience = self._experiment.scenario.train.patience
        held_out = self._experiment.gating(self._client)
        return Stopping(patience, held_out, self._experiment.score) if patience and held_out else None

    def _described(self, kind: str, target: float, weights: Arrays, mask: Mask) -> Personal:
        experiment = self._experiment
        if self._section.statistics:
            weights = reestimated(experiment.state(weights, mask), self._samples)
        state, testing = experiment.state(weights, mask), experiment.testing(self._client)
        spent, held_out = cost_under(experiment.architecture, mask), experiment.gating(self._client)
        ask = experiment.trainer.score
        return Personal(
            weights,
            mask,
            PersonalScore(
                kind=kind,
                target=target,
                density=density_of(mask, experiment.prunable),
                multiply_adds=spent.multiply_adds,
                parameters=spent.parameters,
                bytes=size_in_bytes(experiment, weights, mask),
                validation_score=None if held_out is None else ask(ScoreRequest(state, held_out)),
                test_score=ask(ScoreRequest(state, testing)) if len(testing[1]) else None,
            ),
        )

    def _with_choice(self, made: list[Personal]) -> list[Personal]:
        """The models, with the one marked that the client chooses: see ``gate`` in [personalize]."""
        dense, *others = made
        least = self._quality(dense) - self._section.gate
        enough = [each for each in others if each.said.kind == "own" and self._quality(each) >= least]
        chosen = min(enough, key=lambda each: each.said.density, default=dense)
        return [replace(each, said=replace(each.said, chosen=each is chosen)) for each in made]

    def _quality(self, model: Personal) -> float:
        """How good a model is on validation data, or on training data where there are none."""
        experiment, found = self._experiment, model.said.validation_score
        if found is None:
            state = experiment.state(model.weights, model.mask)
            found = experiment.trainer.score(ScoreRequest(state, self._samples))
        return experiment.score.quality(found, experiment.chance)


def _both(first: Mask, second: Mask) -> Mask:
    """What both masks keep."""
    both = {**first, **second}
    return Mask({name: kept & first[name] if name in first else kept for name, kept in both.items()})
