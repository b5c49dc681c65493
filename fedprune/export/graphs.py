"""Graphs of many networks of one run: those of the same sizes are exported once, and filled anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fedprune.export.graph import graph
from fedprune.export.program import program
from fedprune.types import Arrays

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn

Sizes = tuple[tuple[str, tuple[int, ...]], ...]
"""Name and shape of each tensor of a network."""


@dataclass
class Graphs:
    """Exports networks of one architecture to ONNX: one takes seconds, the next of its sizes hardly any."""

    _made: dict[Sizes, onnx.ModelProto] = field(default_factory=dict)
    _last: tuple[Arrays, onnx.ModelProto] | None = None
    """The network exported last, for another form of it."""

    def of(self, network: nn.Module, example: Tensor) -> onnx.ModelProto:
        """A graph of ``network`` that is the caller's own; ``example`` is a batch of two samples."""
        import onnx

        weights = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
        sizes = tuple((name, array.shape) for name, array in weights.items())
        made = self._made.get(sizes)
        if made is None and self._last is not None and _equal(self._last[0], weights):
            made = self._last[1]
        if made is None:
            made = graph(program(network, example))
            self._last = ({name: array.copy() for name, array in weights.items()}, made)
            if _holds(made, weights):
                self._made[sizes] = made
        filled = onnx.ModelProto()
        filled.CopyFrom(made)
        if sizes in self._made:
            _fill(filled, weights)
        return filled


def _holds(made: onnx.ModelProto, weights: Arrays) -> bool:
    """Whether every floating tensor of a graph is one of these, so that others can take their places.

    A norm that was folded into a convolution leaves a tensor that is none of the network's.
    """
    from onnx import numpy_helper

    for tensor in made.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and values.size > 1:
            own = weights.get(tensor.name)
            if own is None or not np.array_equal(own, values):
                return False
    return True


def _equal(first: Arrays, second: Arrays) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(array, second[name]) for name, array in first.items()
    )


def _fill(made: onnx.ModelProto, weights: Arrays) -> None:
    from onnx import numpy_helper

    for tensor in made.graph.initializer:
        if tensor.name in weights and weights[tensor.name].dtype.kind == "f":
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weights[tensor.name]), tensor.name))
