"""An ONNX graph in int8: weights and activations quantized after training, ranges from samples.

Static quantization as of Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, CVPR 2018, carried out by onnxruntime: pairs of QuantizeLinear and
DequantizeLinear around each operator, weights with a scale for each output channel. Norms were folded into
convolutions before, see ``graph``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedprune.export.program import quiet
from fedprune.export.runtime import INPUT

if TYPE_CHECKING:
    import onnx

    from fedprune.types import Array

OPERATORS = ["Add", "Conv", "Gemm", "MatMul", "MaxPool", "Relu", "Reshape"]
"""Operators that compute in int8; norms that are not folded and recurrent layers stay in float32."""

CALIBRATION = 500
"""The most samples that ranges of activations are taken from."""


def quantized(model: onnx.ModelProto, samples: Array) -> onnx.ModelProto:
    """The graph in int8, activations in uint8.

    Weights use 7 bits (-64 to 64), so that the sum of two products fits 16 bits: a processor that adds them
    in 16 bits (AVX2 without VNNI) would otherwise saturate, and the same file would answer otherwise there.

    Args:
        model: a float32 graph.
        samples: features (n, ...) as the graph takes them, of which ranges are taken: the client's own
            training data.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.left = [samples[:CALIBRATION]]

        def get_next(self) -> dict[str, Array] | None:
            return {INPUT: self.left.pop()} if self.left else None

    with tempfile.TemporaryDirectory() as folder, quiet():
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, before)
        quantize_static(
            before,
            after,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=OPERATORS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        made = onnx.load(after)
    _shorten(made)
    return made


def _shorten(model: Any) -> None:
    """Short names for what lies between input and output: the quantizer's are longer than its numbers."""
    kept = {value.name for value in [*model.graph.input, *model.graph.output]}
    short: dict[str, str] = {}

    def named(name: str) -> str:
        return name if not name or name in kept else short.setdefault(name, f"v{len(short)}")

    for tensor in model.graph.initializer:
        tensor.name = named(tensor.name)
    for node in model.graph.node:
        node.ClearField("name")
        node.input[:] = [named(name) for name in node.input]
        node.output[:] = [named(name) for name in node.output]
    del model.metadata_props[:], model.graph.value_info[:]
