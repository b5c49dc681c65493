"""What server and clients agree on about the models after the last round: who may be pruned, the masks that
all clients share, and what a client reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from fedprune.pruning.granularity import Pool, pools, prune_units
from fedprune.pruning.mask import Mask
from fedprune.scenario.sections import PersonalizeSection
from fedprune.types import Arrays, Shapes
from fedprune.wire.codec import Reference, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.frame import pack, unpack
from fedprune.wire.pipeline import Keys, Part, Pipeline

if TYPE_CHECKING:
    from fedprune.federation.experiment import Experiment

CODEC = Pipeline()
"""How models and masks are coded where their size is told: fp32 values, entropy-coded masks."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, le=1)]
Scored = Annotated[float, Field(ge=-1e38, le=1e38)]


@dataclass(frozen=True)
class PersonalScore:
    """What a client says of one of its models after the last round; fields as in ``runs/metrics.py``."""

    kind: str
    target: Share
    density: Share
    multiply_adds: Count
    parameters: Count
    bytes: Count
    validation_score: Scored | None = None
    test_score: Scored | None = None
    chosen: bool = False


def prunable_units(experiment: Experiment, section: PersonalizeSection) -> tuple[Pool, ...]:
    """The units that [personalize] prunes. Raises UserError where the model has none of this granularity."""
    made = experiment.architecture
    return pools(section.granularity, made.prunable, made.groups)


def size_in_bytes(experiment: Experiment, weights: Arrays, mask: Mask) -> int:
    """The length of a model as a payload: its mask and its kept values in fp32."""
    keys = Keys(experiment.scenario.run.seed, "down", 0, 0)
    whole = {name: weights[name] for name in experiment.architecture.shapes}
    encoded = encode_payload(whole, mask if mask.size else None, Reference(Mask()), CODEC, keys)
    return sum(map(len, encoded.parts.values()))


def shared_masks(experiment: Experiment, section: PersonalizeSection, weights: Arrays) -> dict[float, Mask]:
    """Density -> the mask of the largest of the server's ``weights``, which all clients have in common."""
    units, shapes = prunable_units(experiment, section), experiment.architecture.shapes
    importance = {name: abs(weights[name].astype("float64")) for name in experiment.architecture.prunable}
    return {
        density: prune_units(Mask(), units, importance, 1 - density, section.scope, shapes).with_dense(
            _members(experiment, units)
        )
        for density in section.densities
    }


def encode_masks(masks: Mapping[float, Mask]) -> dict[float, bytes]:
    """Each mask as bytes."""
    return {density: CODEC.coding.encode(mask, Mask(), {}) for density, mask in masks.items()}


def packed(coded: Mapping[float, bytes]) -> bytes:
    """Coded masks as one part of an order, in the order of [personalize]."""
    return pack({str(number): part for number, part in enumerate(coded.values())})


def unpacked(part: Part, experiment: Experiment, section: PersonalizeSection) -> dict[float, Mask]:
    """Inverse of ``packed`` and ``encode_masks``. Raises CodecError for anything else."""
    names = [str(number) for number, _ in enumerate(section.densities)]
    parts = unpack(bytes(part), names, len(part))
    if list(parts) != names:
        raise CodecError(f"shared masks: {len(parts)}, not {len(names)}")
    shapes = _members(experiment, prunable_units(experiment, section))
    return {
        density: CODEC.coding.decode(parts[name], shapes, Mask(), {})
        for name, density in zip(names, section.densities, strict=True)
    }


def _members(experiment: Experiment, units: Sequence[Pool]) -> Shapes:
    """The parameters that a mask of these units has entries for, with their shapes."""
    shapes = experiment.architecture.shapes
    return {name: shapes[name] for pool in units for name in pool.members}
