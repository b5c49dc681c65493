"""Sizes of layers and feature maps, so that what cannot be built is refused by name and not deep inside
torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import psutil

from fedprune.models import ModelError
from fedprune.types import Shapes

COPIES = 4
"""The fewest copies of a model that a run holds at a time, in single precision: the initial weights, those of
the server, and of a client at work its weights and their gradients."""


MOST_ARRAYS = 2000
"""Arrays of parameters and statistics of a model: far more than the deepest in use have, and few enough for
what takes time with each of them, as tracing channels does."""


def check_size(model: str, shapes: Shapes) -> None:
    """Raises ModelError, with its size, for a model that is too deep, or that no memory here can hold."""
    if len(shapes) > MOST_ARRAYS:
        raise ModelError(
            f"model '{model}' has {len(shapes)} arrays of parameters, at most {MOST_ARRAYS} are handled: "
            "give it fewer layers"
        )
    numbers = sum(math.prod(shape) for shape in shapes.values())
    needed, there = 4 * COPIES * numbers, psutil.virtual_memory().available
    if needed > there:
        raise ModelError(
            f"model '{model}' has {numbers:.3g} parameters; a run with it needs at least "
            f"{needed / 2**30:.3g} GiB of memory and {there / 2**30:.3g} GiB are available: make it smaller"
        )


def scaled(model: str, sizes: Sequence[int], width: float, *, multiple: int = 1) -> list[int]:
    """Each of ``sizes`` times ``width``, rounded to a ``multiple`` of which at least one is left.

    Raises ModelError unless ``width`` is a positive number.
    """
    if not 0 < width < math.inf:
        raise ModelError(f"model '{model}': option 'width' = {width}: must be a positive number")
    return [multiple * max(1, round(size * width / multiple)) for size in sizes]


def sequence_length(model: str, input_shape: tuple[int, ...]) -> int:
    """Number of tokens of a sample.

    Raises ModelError when ``input_shape`` is not (length,).
    """
    if len(input_shape) != 1 or input_shape[0] < 1:
        raise ModelError(f"model '{model}' takes token ids of shape (length,), not {input_shape}")
    return input_shape[0]


def image_size(
    model: str, input_shape: tuple[int, ...], smallest: int, *, advice: str = ""
) -> tuple[int, int]:
    """Height and width of the inputs.

    Raises ModelError, ending in ``advice``, when ``input_shape`` is not (channels, height, width) or either
    is below ``smallest``.
    """
    if len(input_shape) != 3:
        raise ModelError(f"model '{model}' takes inputs of (channels, height, width), not {input_shape}")
    _, height, width = input_shape
    if min(height, width) < smallest:
        raise ModelError(
            f"model '{model}' takes inputs of at least {smallest}x{smallest}, not {height}x{width}{advice}"
        )
    return height, width


def pooled_map(
    model: str, input_shape: tuple[int, ...], kernel: int, *, padding: int = 0, stages: int = 2
) -> tuple[int, int]:
    """Height and width after ``stages`` of a convolution (stride 1) and a 2 by 2 max pooling.

    Raises ModelError when ``input_shape`` is not (channels, height, width) or leaves an empty map.
    """
    smallest = 1
    for _ in range(stages):
        smallest = 2 * smallest + kernel - 1 - 2 * padding
    height, width = image_size(model, input_shape, smallest)
    for _ in range(stages):
        height = (height - kernel + 1 + 2 * padding) // 2
        width = (width - kernel + 1 + 2 * padding) // 2
    return height, width
