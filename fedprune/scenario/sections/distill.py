"""``[distill]``: who teaches the clients' models, and how much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from fedprune.scenario.section import Section
from fedprune.scenario.sections.model import ModelSection


class DistillSection(Section):
    """Who teaches the clients' models, and how much."""

    teacher: Literal["none", "received", "previous", "local"] = "none"
    """The model that came down this round; the client's own last one; or one that it trains beside."""
    model: ModelSection | None = None
    """Architecture of a local teacher; the student's own unless given."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of distillation in the loss; the rest is the task's own."""
    temperature: Annotated[float, Field(gt=0)] = 2.0
    """What the outputs of both models are divided by before they are compared; higher is softer."""
    recover: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Epochs of training after a prune, taught by the model from before it; with alpha 0 by labels alone."""

    @field_validator("model")
    @classmethod
    def _of_a_local_teacher(cls, model: ModelSection | None, info: ValidationInfo) -> ModelSection | None:
        if model is not None and info.data.get("teacher") != "local":
            raise ValueError('only teacher = "local" has a model of its own; remove this, or ask for that')
        if model is not None and "name" not in model.model_fields_set:
            raise ValueError('names no architecture; write model = { name = "lenet5", ... }')
        if model is not None and model.prune_embeddings:
            raise ValueError("prune_embeddings is nothing to a teacher, which is never pruned; leave it out")
        return model
