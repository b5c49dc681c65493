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

    networks: dict[str, nn.Module] = {
        "dense": architecture.load({name: _without_zeros(value) for name, value in weights.items()}),
        "masked": architecture.load(mask.apply(weights)),
        "shrunk": shrink(architecture, weights, mask)[0],
    }
    graphs = Graphs()

    def candidate(name: str, network: nn.Module, form: Form) -> Candidate:
        file = model_file(composed(network), architecture.example(2), samples, form, graphs)
        return Candidate(name, form.target, file.data())

    for name, network in networks.items():
        for target in targets:
            yield candidate(name, network, Form(target))
    if "onnx" in targets:
        yield candidate("int8", networks["shrunk"], Form("onnx", "int8"))


def _without_zeros(value: Array) -> Array:
    """A weight as if it had never been pruned, which counts where a file is compressed."""
    return np.where(value == 0, np.float32(1e-3), value)
