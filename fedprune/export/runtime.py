"""What runs an exported file, as a device would: onnxruntime or torch, on one thread of the CPU."""

from __future__ import annotations

import io
from collections.abc import Callable

from fedprune.export.form import Target
from fedprune.types import Array, UserError

INPUT, OUTPUT = "features", "outputs"
"""The names of an ONNX graph's one input and one output."""

Answer = Callable[[Array], Array]
"""From features (batch, ...) as a model is given them to outputs (batch, ...)."""


def runner(data: bytes, target: Target, *, batch: int | None = None) -> Answer:
    """What answers with the model in these bytes of a file.

    Args:
        data: the file's bytes.
        target: what the file is for.
        batch: the size of all batches, which onnxruntime then makes use of; any size unless given.
    """
    return _by_onnxruntime(data, batch) if target == "onnx" else _by_torch(data)


def _by_onnxruntime(data: bytes, batch: int | None) -> Answer:
    need("onnxruntime")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    if batch is not None:
        options.add_free_dimension_override_by_name("batch", batch)
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def answer(x: Array) -> Array:
        outputs: Array = session.run([OUTPUT], {INPUT: x})[0]
        return outputs

    return answer


def _by_torch(data: bytes) -> Answer:
    import torch

    module = torch.export.load(io.BytesIO(data)).module()

    def answer(x: Array) -> Array:
        with torch.inference_mode():
            outputs: Array = module(torch.from_numpy(x)).numpy()
        return outputs

    return answer


def need(*packages: str) -> None:
    """Raises UserError, saying what to install, unless all of these packages are installed."""
    import importlib.util

    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UserError(f"this needs '{package}'; install it in the checkout: pip install '.[export]'")
