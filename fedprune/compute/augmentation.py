"""Augmentation of training images: random crops and flips of a whole epoch at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class CropAndFlip:
    """How images are changed in each epoch, see ``crop_and_flip``."""

    border: torch.Tensor
    """What lies beyond an image's edge, (C,), on the device of the images."""
    padding: int
    """Pixels on each side."""
    flip: bool

    def __call__(self, x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """An epoch's images (n, C, H, W), changed at random: as many of the same shape."""
        return crop_and_flip(x, self.border, self.padding, self.flip, rng)


def crop_and_flip(
    x: torch.Tensor, border: torch.Tensor, padding: int, flip: bool, rng: np.random.Generator
) -> torch.Tensor:
    """Each image of ``x`` (n, C, H, W) moved by up to ``padding`` pixels both ways, half of them mirrored.

    That is the crop of a random window of the same size from the image padded on all sides; ``border`` (C,)
    is what it is padded with. With ``flip`` each image is mirrored left to right with probability 1/2. Draws
    are made on the CPU, so that they do not depend on the device that holds ``x``.
    """
    count, channels, height, width = x.shape
    padded_height, padded_width = height + 2 * padding, width + 2 * padding
    padded = border.view(1, -1, 1, 1).repeat(count, 1, padded_height, padded_width)
    padded[:, :, padding : padding + height, padding : padding + width] = x
    down, right = torch.from_numpy(rng.integers(0, 2 * padding + 1, (2, count))).to(x.device)
    columns = torch.arange(width, device=x.device)
    if flip:
        mirrored = torch.from_numpy(rng.random(count) < 0.5)[:, None].to(x.device)
        columns = torch.where(mirrored, columns.flip(0), columns)
    # One gather by flat index: several times faster than indexing each axis.
    image = torch.arange(count, device=x.device) * (channels * padded_height) + down
    planes = torch.arange(channels, device=x.device) * padded_height
    rows = image[:, None, None] + planes[None, :, None]
    rows = (rows + torch.arange(height, device=x.device)) * padded_width + right[:, None, None]
    columns = columns.expand(count, width)[:, None, None, :]
    return padded.view(-1).take(rows[..., None] + columns)
