"""The sections of a scenario: what each key may hold, and one clear line when it holds something else.

Unknown keys are refused and types are strict (``"0.5"`` is no number, ``true`` no integer). Some sections
take free keys beside their own: ``[partition]`` (the partitioner's arguments), ``[model]`` (``build``'s
options), ``[strategy]`` (its dataclass's fields), ``[uplink]`` and ``[downlink]`` (their quantizer's).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator

from fedprune import plugins
from fedprune.scenario.errors import ScenarioError, complaint, shown
from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Count, OpenSection, Section, model_name, plugin


def _run_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", name) or ".." in name:
        raise ValueError(
            f"{shown(name)} cannot name a folder; use up to 64 letters, digits, '_', inner '-' and single '.'"
        )
    return name


class RunSection(Section):
    """How long, how many, and from which seed."""

    name: Annotated[str, AfterValidator(_run_name)] = "run"
    """Begins the run folder's name; the file's stem unless given."""
    label: Annotated[str, Field(max_length=200)] = ""
    """What tables call the run; a sweep writes what it varied."""
    rounds: Count = 20
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    clients_per_round: Count = 10
    quorum: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the sampled clients that must reply for a round to count."""
    checkpoint_every: Count = 10
    """Rounds between checkpoints."""
    patience: Count | None = None
    """Rounds without a better mean validation accuracy after which the run ends; never unless given."""
    keep_history: bool = False
    """Whether every accepted mask, and the server's weights at every checkpoint, stay in the run folder."""


class DataSection(Section):
    """Which data set, and where its files are."""

    name: Annotated[str, plugin("datasets")] = "digits"
    root: str | None = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""
    augment: bool = False
    """Whether training images are cropped and flipped at random, as the data set declares."""


class PartitionSection(OpenSection):
    """Who holds which samples; further keys are the partitioner's own arguments."""

    name: str = "shards"
    clients: Count = 100
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of each client's samples held out for decisions."""
    test: Literal["labels", "partition", "global"] = "labels"
    """What a client is tested on: test samples of its labels, its own part of the test set, or all."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The partitioner's own arguments."""
        return self._free()


class ModelSection(OpenSection):
    """Which architecture; further keys are options of the plug-in's ``build`` or the class's constructor."""

    name: Annotated[str, AfterValidator(model_name)] = "lenet5"
    """A plug-in, or the import path of a torch module: package.module:Class."""

    @property
    def options(self) -> dict[str, Any]:
        """Keyword options of ``build``."""
        return self._free()


class TrainSection(Section):
    """Local training, by plain SGD."""

    epochs: Count = 5
    batch_size: Count = 10
    lr: Annotated[float, Field(gt=0)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.5
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """L2 as torch's SGD has it: this times the weights joins the gradient, of all parameters."""
    l1: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum of absolute weights of convolutions and linear layers."""
    batch_norm_l1: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum of absolute batch-norm scales."""
    group_lasso: Annotated[float, Field(ge=0)] = 0.0
    """Times the sum over output filters of the square root of their size times their norm."""
    patience: Count | None = None
    """Local epochs without a better validation accuracy after which training ends, at the best epoch's
    weights; never unless given."""


class DistillSection(Section):
    """Who teaches the clients' models, and how much."""

    teacher: Literal["none", "received", "previous", "local"] = "none"
    """The model that came down this round; the client's own last one; or one that it trains beside."""
    model: ModelSection | None = None
    """Architecture of a local teacher; the student's own unless given."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of distillation in the loss; the rest is cross-entropy."""
    temperature: Annotated[float, Field(gt=0)] = 2.0
    recover: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Epochs of training after a prune, taught by the model from before it; with alpha 0 by labels alone."""

    @field_validator("model")
    @classmethod
    def _of_a_local_teacher(cls, model: ModelSection | None, info: ValidationInfo) -> ModelSection | None:
        if model is not None and info.data.get("teacher") != "local":
            raise ValueError('only teacher = "local" has a model of its own; remove this, or ask for that')
        if model is not None and "name" not in model.model_fields_set:
            raise ValueError('names no architecture; write model = { name = "lenet5", ... }')
        return model


class StrategySection(PluginSection):
    """Which algorithm; further keys are its dataclass's fields, all of them resolved."""

    KIND, NAMED_BY, SECTION = "strategies", "name", "strategy"

    name: Annotated[str, plugin("strategies")] = "fedavg"


class CodecSection(PluginSection):
    """How one direction is coded; further keys are the quantizer's fields, all of them resolved."""

    KIND, NAMED_BY = "quantizers", "values"

    mask: Annotated[str, plugin("mask_codings")] = "entropy"
    """How masks travel."""
    values: Annotated[str, plugin("quantizers")] = "fp32"
    """What becomes of the values."""
    entropy: Annotated[str, plugin("entropy_coders")] = "none"
    """How the quantizer's symbols become bytes."""
    base: Literal["weights", "update", "tracked"] = "weights"
    """What values are coded against: nothing; what both sides hold; that and what both track beside."""
    step: Annotated[float, Field(gt=0, le=1)] = 0.1
    """For base = "tracked": share of each decoded difference by which both sides follow."""
    sparsify: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the kept coordinates that travels, the largest of what would be coded."""
    feedback: Literal["none", "residual"] = "none"
    """Whether what a message lost is added to the sender's next one."""


class UplinkSection(CodecSection):
    """How clients' replies are coded."""

    SECTION = "uplink"


class DownlinkSection(CodecSection):
    """How the server's orders are coded."""

    SECTION = "downlink"

    @field_validator("feedback")
    @classmethod
    def _not_twice(cls, feedback: str, info: ValidationInfo) -> str:
        if feedback == "residual" and info.data.get("base") != "weights":
            raise ValueError('only base = "weights" needs it: the next difference holds what this one lost')
        return feedback


class EvaluateSection(Section):
    """When personal models are tested."""

    every: Annotated[int, Field(ge=0)] = 10
    """Rounds between evaluations; 0: at the end only."""
    target_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    """Accuracy in (0, 1] for which the bytes spent until then are reported."""


class EngineSection(Section):
    """Where clients run; never changes a result."""

    name: Annotated[str, plugin("engines")] = "local"
    workers: Annotated[int, Field(ge=0, le=1024)] | None = None
    """Worker processes; as many as usable cores unless given, 0: in this process."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds that a round may take; unlimited unless given."""


SECTIONS: dict[str, type[Section]] = {
    "run": RunSection,
    "data": DataSection,
    "partition": PartitionSection,
    "model": ModelSection,
    "train": TrainSection,
    "distill": DistillSection,
    "strategy": StrategySection,
    "uplink": UplinkSection,
    "downlink": DownlinkSection,
    "evaluate": EvaluateSection,
    "engine": EngineSection,
}

GONE = {
    "wire": "there is a section for each direction now: write its keys under [uplink], and under [downlink] "
    "as well if what goes down is to be coded alike"
}
"""Section of older scenarios -> what to write instead."""


def explain(error: ValidationError) -> ScenarioError:
    """The first of pydantic's complaints as one line."""
    first = error.errors(include_url=False)[0]
    where = [str(part) for part in first["loc"]]
    section, key = where[0], ".".join(where[1:])
    if first["type"] == "extra_forbidden":
        return unknown(section, key)
    if first["type"] in ("model_type", "dict_type") and not key:
        return ScenarioError(
            f"must be a table, not {shown(first['input'])}; write [{section}] above its keys", section
        )
    return ScenarioError(complaint(first), section, key)


def unknown(section: str, key: str = "") -> ScenarioError:
    """The error for a key of ``section``, or for a section, that does not exist."""
    if not key and section in GONE:
        return ScenarioError(GONE[section], section)
    name, known = (key, list(SECTIONS[section].model_fields)) if key else (section, list(SECTIONS))
    owners = [owner for owner, model in SECTIONS.items() if owner != section and name in model.model_fields]
    if len(owners) == 1:
        advice = f", it belongs under [{owners[0]}]" if key else f", it is a key of [{owners[0]}]"
    else:
        advice = plugins.suggest(name, known)
    return ScenarioError(f"unknown {'key' if key else 'section'}{advice}", section, key)
