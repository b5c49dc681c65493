"""Augmentation: every image is one of the windows of its padded self, or the mirror image of one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune.compute.augmentation import crop_and_flip

BORDER = torch.tensor([-5.0, -7.0])


def images(count: int) -> torch.Tensor:
    return torch.arange(count * 2 * 3 * 4, dtype=torch.float32).view(count, 2, 3, 4)


@pytest.mark.parametrize("flip", [False, True])
def test_each_image_is_a_window_of_its_padded_self(flip: bool) -> None:
    x, padding = images(400), 2
    found = crop_and_flip(x, BORDER, padding, flip, np.random.default_rng(0))
    padded = BORDER.view(1, 2, 1, 1).repeat(400, 1, 7, 8)
    padded[:, :, 2:5, 2:6] = x
    seen = set()
    for image, source in zip(found, padded, strict=True):
        windows = {
            (down, right, mirrored): source[:, down : down + 3, right : right + 4].flip([2] * mirrored)
            for down in range(5)
            for right in range(5)
            for mirrored in range(1 + flip)
        }
        matches = [place for place, window in windows.items() if torch.equal(image, window)]
        assert matches
        seen.add(matches[0])
    assert len(seen) == 25 * (1 + flip)


def test_without_padding_and_flip_nothing_changes() -> None:
    assert torch.equal(crop_and_flip(images(5), BORDER, 0, False, np.random.default_rng(0)), images(5))


def test_the_same_generator_gives_the_same_images_and_the_next_epoch_others() -> None:
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    first, second = (crop_and_flip(images(20), BORDER, 1, True, one) for _ in range(2))
    assert torch.equal(first, crop_and_flip(images(20), BORDER, 1, True, other))
    assert not torch.equal(first, second)
