"""How many bytes a model's file should have: what its numbers take, and a little for each operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedprune.export.form import Form, Precision, Target

if TYPE_CHECKING:
    from torch import nn

OPERATOR: dict[tuple[Target, Precision], int] = {
    ("onnx", "fp32"): 165,
    ("onnx", "fp16"): 195,
    ("onnx", "int8"): 250,
    ("torch", "fp32"): 2600,
    ("torch", "fp16"): 1000,
}
"""Bytes that describe one operator and the names of its tensors, weights apart."""


def predicted_bytes(network: nn.Module, operators: int, form: Form, card: int) -> int:
    """Bytes that the file of ``network`` should have at most.

    In int8 a matrix or kernel takes a byte for each weight, and for each of its outputs 5 bytes of scale and
    zero point and 9 of a bias with its own; other numbers take 4 bytes, in fp16 two.

    Args:
        network: the module that is exported.
        operators: how many operators its float32 graph has.
        form: what the file is for, and what its weights are in.
        card: bytes of the card inside.
    """
    tensors = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    if form.precision == "int8":
        matrices = [tensor for tensor in tensors if tensor.dim() > 1]
        outputs = sum(len(matrix) for matrix in matrices)
        vectors = sum(tensor.numel() for tensor in tensors if tensor.dim() <= 1)
        numbers = sum(matrix.numel() for matrix in matrices) + 14 * outputs + 4 * vectors
    else:
        numbers = {"fp32": 4, "fp16": 2}[form.precision] * sum(tensor.numel() for tensor in tensors)
    return int(numbers) + operators * OPERATOR[form.target, form.precision] + card
