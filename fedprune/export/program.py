"""A module as a program of torch.export: all that it computes for batches of any size, without its code."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

_ABOUT_SOURCE = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "torch_fn")
"""What torch.export notes of the source code behind each operator; it would take more bytes than a small
model's weights and name files of this machine."""


class Halved(nn.Module):
    """A module whose parameters and statistics are kept in float16 and widened to float32 to compute with."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        self._inner = [module]  # in a list, so that its float32 tensors are none of this module's
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                self._names[name] = name.replace(".", "__")
                self.register_buffer(self._names[name], tensor.detach().half())
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        wide = {name: getattr(self, own).float() for name, own in self._names.items()}
        outputs: Tensor = functional_call(self._inner[0], wide, (x,))
        return outputs


def program(module: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    """The program of ``module`` in evaluation mode, for batches of any size.

    ``example`` is a batch of two samples: of one, torch.export takes the size for a constant.
    """
    with quiet():
        made = torch.export.export(
            module.eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},)
        )
    for node in made.graph.nodes:
        for key in _ABOUT_SOURCE:
            node.meta.pop(key, None)
    return made


def written(made: torch.export.ExportedProgram, notes: Mapping[str, str]) -> bytes:
    """The program as the bytes of a .pt2 file with ``notes`` (name -> text) inside; nothing in it is pickled.

    ``torch.export.load`` reads it, without fedprune.
    """
    # torch.save, which pickles, would write the example inputs; a program runs without them.
    made._example_inputs = None
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(made, buffer, extra_files=dict(notes))
    return buffer.getvalue()


@contextmanager
def quiet() -> Iterator[None]:
    """Without the exporters' warnings, which are about their own code and optional packages."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
