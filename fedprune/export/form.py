"""In which form a personal model is exported: target, precision, factored or not; and its file's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fedprune.types import UserError

Target = Literal["onnx", "torch"]
"""What runs the file: onnxruntime (or whatever else reads ONNX), or torch from a program of torch.export."""

Precision = Literal["fp32", "fp16", "int8"]
"""What weights are stored in; with int8, what is computed in too."""

SUFFIX: dict[Target, str] = {"onnx": "onnx", "torch": "pt2"}


@dataclass(frozen=True)
class Form:
    """How a personal model becomes a file. Raises UserError for a form that is not to be had."""

    target: Target = "onnx"
    precision: Precision = "fp32"
    svd: float | None = None
    """The share of squared singular values that each layer keeps when it is factored in two; it stays whole
    unless given."""

    def __post_init__(self) -> None:
        if self.svd is not None and not 0 < self.svd <= 1:
            raise UserError(f"svd: a share of the squared singular values in (0, 1], not {self.svd:g}")
        if (self.target, self.precision) == ("torch", "int8"):
            raise UserError("int8 is for onnx: torch would compile it for one kind of machine; use --to onnx")

    @property
    def exact(self) -> bool:
        """Whether a file in this form computes what the simulated model does, but for rounding in fp32."""
        return self.precision == "fp32" and self.svd is None

    def file_name(self, client: int) -> str:
        """The name of a client's file."""
        thin = "" if self.svd is None else f"-svd{self.svd:g}"
        return f"client-{client}-{self.precision}{thin}.{SUFFIX[self.target]}"
