"""Augmentation of training images: random crops and flips of a whole epoch at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

Augment = Callable[[torch.Tensor], torch.Tensor]
"""Of an epoch's images (n, C, H, W): as many of the same shape, changed at random."""


def crop_and_flip(
    x: torch.Tensor, border: torch.Tensor, padding: int, flip: bool, rng: np.random.Generator
) -> torch.Tensor:
    """Each image of ``x`` (n, C, H, W) moved by up to ``padding`` pixels both ways, half of them mirrored.

    That is the crop of a random window of the same size from the image padded on all sides; ``border`` (C,)
    is what it is padded with. With ``flip`` each image is mirrored left to right with probability 1/2.
    """
    count, channels, height, width = x.shape
    padded_height, padded_width = height + 2 * padding, width + 2 * padding
    padded = border.view(1, -1, 1, 1).repeat(count, 1, padded_height, padded_width)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    down, right = torch.from_numpy(rng.integers(0, 2 * padding + 1, (2, count)))
    columns = torch.arange(width)
    if flip:
        mirrored = torch.from_numpy(rng.random(count) < 0.5)[:, None]
        columns = torch.where(mirrored, columns.flip(0), columns)
    # One gather by flat index: several times faster than indexing each axis.
    image = torch.arange(count) * (channels * padded_height) + down
    rows = image[:, None, None] + (torch.arange(channels) * padded_height)[None, :, None]
    rows = (rows + torch.arange(height)) * padded_width + right[:, None, None]
    columns = columns.expand(count, width)[:, None, None, :]
    return padded.view(-1).take(rows[..., None] + columns)
