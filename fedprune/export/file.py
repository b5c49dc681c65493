"""A network as the bytes of one file, for a target in a precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedprune.export.card import NOTE
from fedprune.export.form import Form, Target
from fedprune.export.runtime import need
from fedprune.types import Array

if TYPE_CHECKING:
    import onnx
    import torch
    from torch import Tensor, nn

    from fedprune.export.graphs import Graphs


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A network in the form that a file has, before its card is in it."""

    target: Target
    made: Any
    """An onnx.ModelProto, or a program of torch.export."""
    operators: int
    """How many operators the network has, before it is quantized."""

    def data(self, card: str = "") -> bytes:
        """The file's bytes, with the text of a card inside."""
        return _onnx_bytes(self.made, card) if self.target == "onnx" else _torch_bytes(self.made, card)


def model_file(
    network: nn.Module, example: Tensor, samples: Array, form: Form, graphs: Graphs | None = None
) -> ModelFile:
    """Export a network.

    Args:
        network: from features (batch, ...) as a model is given them to outputs.
        example: a batch of two samples.
        samples: features (n, ...) of which int8 takes the ranges of activations.
        form: for which target, in which precision.
        graphs: makes the graphs of networks of the same architecture; one of its own unless given.

    Raises:
        UserError: a package is missing.
    """
    if form.target == "torch":
        from fedprune.export.program import Halved, program

        made = program(Halved(network) if form.precision == "fp16" else network, example)
        return ModelFile(form.target, made, sum(node.op == "call_function" for node in made.graph.nodes))
    need("onnx", "onnxscript", "onnxruntime")
    from fedprune.export.graph import in_half
    from fedprune.export.graphs import Graphs

    model = (graphs or Graphs()).of(network, example)
    operators = len(model.graph.node)
    if form.precision == "fp16":
        model = in_half(model)
    elif form.precision == "int8":
        from fedprune.export.int8 import quantized

        model = quantized(model, samples)
    return ModelFile(form.target, model, operators)


def _onnx_bytes(model: onnx.ModelProto, card: str) -> bytes:
    import onnx

    del model.metadata_props[:]
    if card:
        onnx.helper.set_model_props(model, {NOTE: card})
    data: bytes = model.SerializeToString()
    return data


def _torch_bytes(program: torch.export.ExportedProgram, card: str) -> bytes:
    from fedprune.export.program import written

    return written(program, {NOTE: card})
