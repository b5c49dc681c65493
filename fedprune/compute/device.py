"""Where tensors live: the CPU, or an accelerator that this machine has."""

from __future__ import annotations

from functools import cache

import torch

from fedprune.types import UserError


@cache
def find_device(name: str) -> torch.device:
    """The device of that name: cpu, cuda, cuda:1, mps, or auto for the best there is.

    Raises UserError, saying what there is, when this machine has no such device.
    """
    there = devices()
    if name == "auto":
        return torch.device(there[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise UserError(f"compute.device: this machine has no '{name}', only {', '.join(there)}")
    return torch.device(wanted)


def devices() -> list[str]:
    """The names of this machine's devices, the best one first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]
