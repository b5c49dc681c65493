from __future__ import annotations

import numpy as np
import pytest

from fedprune.models import architecture
from fedprune.pruning.controls import largest_of, random_like, shuffled_rows
from fedprune.pruning.groups import alive_channels, channel_mask
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator

MADE = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})


def ticket(*, channels: bool) -> Mask:
    rng = generator(0, "ticket")
    mask = Mask({name: rng.random(MADE.shapes[name]) < 0.3 for name in MADE.prunable})
    if channels:
        for group in MADE.groups:
            mask = channel_mask(group, rng.random(group.size) < 0.5, mask, MADE.shapes)
    return mask


@pytest.mark.parametrize("channels", [False, True])
@pytest.mark.parametrize("control", [random_like, shuffled_rows])
def test_controls_keep_as_many_weights_of_each_layer_but_others(control: object, channels: bool) -> None:
    mask = ticket(channels=channels)
    drawn = control(mask, MADE, generator(1, "draw"))  # type: ignore[operator]
    for name in MADE.prunable:
        assert drawn[name].sum() == mask[name].sum()
    assert any((drawn[name] != mask[name]).any() for name in MADE.prunable)


@pytest.mark.parametrize("control", [random_like, shuffled_rows])
def test_controls_remove_as_many_whole_channels(control: object) -> None:
    mask = ticket(channels=True)
    drawn = control(mask, MADE, generator(1, "draw"))  # type: ignore[operator]
    for group in MADE.groups:
        assert alive_channels(group, mask).sum() < group.size
        assert alive_channels(group, drawn).sum() == alive_channels(group, mask).sum()


def test_shuffled_rows_keep_what_each_unit_has() -> None:
    mask = ticket(channels=False)
    drawn = shuffled_rows(mask, MADE, generator(1, "draw"))
    for name in MADE.prunable:
        axes = tuple(range(1, mask[name].ndim))
        assert (drawn[name].sum(axes) == mask[name].sum(axes)).all()


def test_every_place_of_a_random_control_is_as_likely_as_any_other() -> None:
    mask = Mask({"fc2.weight": np.eye(*MADE.shapes["fc2.weight"], dtype=np.bool_)})
    rng = generator(2, "draw")
    counts = sum(random_like(mask, MADE, rng)["fc2.weight"].astype(int) for _ in range(400))
    entries, kept = mask.size, mask.kept
    share = kept / entries
    spread = np.sqrt(400 * share * (1 - share))
    assert np.abs(np.asarray(counts) - 400 * share).max() < 6 * spread


def test_the_largest_weights_are_kept_at_the_masks_density() -> None:
    mask, weights = ticket(channels=False), MADE.initial_weights(0)
    largest = largest_of(weights, mask, MADE)
    for name in MADE.prunable:
        assert largest[name].sum() == mask[name].sum()
        size = np.abs(weights[name])
        assert size[largest[name]].min() >= size[~largest[name]].max()
