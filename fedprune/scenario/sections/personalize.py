"""``[personalize]``: what each client makes of its model after the last round."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from fedprune.scenario.section import Count, Role, Section, plugin

Density = Annotated[float, Field(gt=0, lt=1)]


class PersonalizeSection(Section):
    """How clients prune and train their models once the federation is over; without densities they do not."""

    ROLE: ClassVar[Role] = Role(changes_results=False, for_clients=False)

    densities: Annotated[tuple[Density, ...], Field(strict=False)] = ()
    """Kept shares of the units of ``granularity``, a model for each; none: nothing happens after the last
    round."""
    criterion: Annotated[str, plugin("criteria")] = "magnitude"
    """What makes a weight important; ``fedprune list criteria`` names them."""
    granularity: Literal["weight", "kernel", "channel"] = "weight"
    """What goes as a whole."""
    scope: Literal["layer", "global"] = "global"
    """Prune the same share of each layer, or the least important of all layers together."""
    steps: Count = 1
    """Prunings on the way to each density, each of the same share of what is alive."""
    before: Annotated[int, Field(ge=0, le=1_000_000)] = 3
    """Epochs of training before the first pruning."""
    after: Count = 6
    """Epochs of training after each pruning."""
    schedule: Annotated[str, plugin("schedules")] = "constant"
    """The course of the learning rate over the steps of each training; it begins at ``train.lr``."""
    teacher: Literal["none", "dense", "received"] = "none"
    """Who teaches the pruned models: the client's own before it was pruned, or the one that it began with."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of distillation in the loss where there is a teacher; the rest is the task's own."""
    temperature: Annotated[float, Field(gt=0)] = 2.0
    """What the outputs of teacher and student are divided by before they are compared."""
    statistics: bool = False
    """Whether batch norms' running statistics are estimated anew on the training data after training."""
    gate: Annotated[float, Field(ge=0)] = 0.02
    """A client chooses the sparsest of its own models that is at most so much worse on validation data than
    its dense one (for labels, accuracy)."""

    @field_validator("densities")
    @classmethod
    def _each_once(cls, densities: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(densities)) < len(densities):
            raise ValueError("names a density twice; remove one")
        return densities
