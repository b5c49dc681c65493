"""Samples that stay on an accelerator from round to round, as many as fit into a share of its free memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

import torch

SHARE = 4
"""One part in so many of an accelerator's free memory is for samples; the rest is for models at work."""

Samples = tuple[torch.Tensor, torch.Tensor]


class Resident:
    """The samples used last, up to ``limit`` bytes of tensors; what has not been used longest goes first."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._kept: OrderedDict[Hashable, Samples] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], Samples]) -> Samples:
        """The samples kept under ``key``, else what ``read`` gives; nobody may change them in place."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        samples = read()
        size = _bytes(samples)
        if size <= self._limit:
            while self._bytes + size > self._limit:
                self._bytes -= _bytes(self._kept.popitem(last=False)[1])
            self._kept[key] = samples
            self._bytes += size
        return samples


def room_for_samples(device: torch.device) -> int:
    """How many bytes of samples may stay on the device; none on the CPU.

    There a client's samples are read from the memory-mapped data set in milliseconds, and every worker
    process would hold a copy of its own.
    """
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0]) // SHARE
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()) // SHARE
    return 0


def _bytes(samples: Samples) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in samples)
