"""Sizes of feature maps, so that too small an input is refused by name and not deep inside torch."""

from __future__ import annotations

from fedprune.models import ModelError


def pooled_map(
    model: str, input_shape: tuple[int, ...], kernel: int, *, padding: int = 0, stages: int = 2
) -> tuple[int, int]:
    """Height and width after ``stages`` of a convolution (stride 1) and a 2 by 2 max pooling.

    Raises ModelError when ``input_shape`` is not (channels, height, width) or leaves an empty map.
    """
    smallest = 1
    for _ in range(stages):
        smallest = 2 * smallest + kernel - 1 - 2 * padding
    if len(input_shape) != 3:
        raise ModelError(f"model '{model}' takes inputs of (channels, height, width), not {input_shape}")
    _, height, width = input_shape
    if min(height, width) < smallest:
        raise ModelError(
            f"model '{model}' takes inputs of at least {smallest}x{smallest}, not {height}x{width}"
        )
    for _ in range(stages):
        height = (height - kernel + 1 + 2 * padding) // 2
        width = (width - kernel + 1 + 2 * padding) // 2
    return height, width
