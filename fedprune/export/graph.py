"""A module as an ONNX graph: exported by torch.onnx, without what only its exporter needs, norms fused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fedprune.export.program import quiet
from fedprune.export.runtime import INPUT, OUTPUT

if TYPE_CHECKING:
    import onnx


def graph(program: torch.export.ExportedProgram) -> onnx.ModelProto:
    """The ONNX model of a program, its batch norms folded into the convolutions before them.

    Its input is called "features", its output "outputs", and the size of a batch "batch".
    """
    with quiet():
        made = torch.onnx.export(
            program,
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
        )
    assert made is not None
    model: onnx.ModelProto = made.model_proto
    _strip(model)
    _rectify_before_pooling(model.graph)
    return model


def in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with weights stored in float16 and widened before use, so that any runtime takes it.

    Tensors of fewer than 16 numbers stay as they are: an operator costs more bytes than they would save.
    """
    import onnx
    from onnx import numpy_helper

    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    widened = []
    for tensor in halved.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 16:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        widened.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*widened, *halved.graph.node]
    del halved.graph.node[:]
    halved.graph.node.extend(nodes)
    return halved


def _strip(model: onnx.ModelProto) -> None:
    """Leave out names of source files and of Python classes, and shapes that every runtime derives."""
    del model.metadata_props[:], model.functions[:]
    del model.graph.metadata_props[:], model.graph.value_info[:]
    parts: list[Any] = [*model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output]
    for part in parts:
        del part.metadata_props[:]
        part.ClearField("doc_string")


def _rectify_before_pooling(graph: onnx.GraphProto) -> None:
    """ReLU of a max pooling becomes the max pooling of a ReLU: the same numbers, but a runtime can make one
    operator of a convolution and the ReLU behind it."""
    readers = Counter(name for node in graph.node for name in node.input)
    pools = {node.output[0]: node for node in graph.node if node.op_type == "MaxPool"}
    for relu in graph.node:
        pool = pools.get(relu.input[0]) if relu.op_type == "Relu" else None
        if pool is None or readers[pool.output[0]] > 1:
            continue
        # The two operators change places by changing all that they are but their names for input and output.
        first, second = [*pool.input], [*relu.output]
        kept = type(pool).FromString(pool.SerializeToString())
        pool.CopyFrom(relu)
        relu.CopyFrom(kept)
        between = kept.output[0]
        pool.input[:], pool.output[:] = first, [between]
        relu.input[:], relu.output[:] = [between], second
