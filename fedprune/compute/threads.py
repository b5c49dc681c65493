"""One thread for torch and for numpy's BLAS: the same network gives other bits at two threads, and clients at
work share the cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np  # noqa: F401  # Its BLAS must be loaded, or it would not be found below.
import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch and numpy compute with one thread inside; after it, with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _libraries().limit(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


@cache  # Finding them takes a millisecond, which every message would pay.
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
