"""The forms of one model that are put on the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedprune.export.form import Form, Target
from fedprune.types import Array, Arrays

if TYPE_CHECKING:
    from torch import nn

    from fedprune.models import Architecture
    from fedprune.pruning.mask import Mask


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model as the bytes of its file, without a card."""

    name: str
    """"dense", "masked", "shrunk", or "int8", which is the shrunk one."""
    target: Target
    data: bytes


def candidates(
    architecture: Architecture, weights: Arrays, mask: Mask, samples: Array, targets: tuple[Target, ...]
) -> Iterator[Candidate]:
    """The whole model, the same with zeros where ``mask`` prunes, and without its dead channels; in int8 too
    for onnx.

    Args:
        architecture: of the model.
        weights: in full coordinates.
        mask: what lives.
        samples: features (n, ...) of which int8 takes the ranges of activations.
        targets: what runs the files.
    """
    from fedprune.export.file import model_file
    from fedprune.export.graphs import Graphs
    from fedprune.models.low_rank import composed
    from fedprune.pruning.shrink import shrink

    # A weight of zero takes as long as any other, so it does not matter that the whole one was pruned once.
    whole = {name: _without_zeros(value) for name, value in weights.items()}
    networks: dict[str, nn.Module] = {
        "dense": architecture.load(whole),
        "masked": architecture.load(mask.apply(weights)),
        "shrunk": shrink(architecture, weights, mask)[0],
    }
    forms = [Form(target) for target in targets]
    example, graphs = architecture.example(2), Graphs()
    for name, network in networks.items():
        for form in forms:
            yield Candidate(
                name, form.target, model_file(composed(network), example, samples, form, graphs).data()
            )
    if "onnx" in targets:
        thin = composed(networks["shrunk"])
        yield Candidate(
            "int8", "onnx", model_file(thin, example, samples, Form("onnx", "int8"), graphs).data()
        )


def _without_zeros(value: Array) -> Array:
    return np.where(value == 0, np.float32(1e-3), value)
