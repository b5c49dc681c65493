"""A reply's values on their way through the scenario's ``[[update]]`` stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from fedprune.strategy import Payload
from fedprune.types import Arrays
from fedprune.updates import Change, Stage
from fedprune.wire.codec import Decoded


def through_stages(
    stages: Sequence[Stage],
    payload: Payload,
    received: Decoded,
    rng: Callable[[str], np.random.Generator],
) -> Payload:
    """What goes up instead of ``payload``: what came down plus the update that the stages leave.

    Args:
        stages: the chain, in order; without any the payload is passed through to the bit.
        payload: what the strategy would send.
        received: what came down, and the mask that both sides know since.
        rng: the client's keyed generators, by purpose; each stage has one of its own.
    """
    if not stages:
        return payload
    mask = received.mask if payload.mask is None else payload.mask
    before = {name: received.arrays.get(name, np.zeros_like(value)) for name, value in payload.arrays.items()}
    arrays = {name: value.astype(np.float64) - before[name] for name, value in payload.arrays.items()}
    change = Change(mask.apply(arrays), mask)
    for number, stage in enumerate(stages, start=1):
        change = _carried_out(stage, change, received.arrays, rng(f"update stage {number}"))
        change = replace(change, arrays=mask.apply(change.arrays))
    sent = {name: (before[name] + value).astype(before[name].dtype) for name, value in change.arrays.items()}
    return replace(payload, arrays=mask.apply(sent))


def _carried_out(stage: Stage, change: Change, known: Arrays, rng: np.random.Generator) -> Change:
    """The change after a stage; an attack is on weights, and leaves what did not come down as it is."""
    if not stage.hostile or change.arrays.keys() <= known.keys():
        return stage.apply(change, rng)
    weights = {name: value for name, value in change.arrays.items() if name in known}
    after = stage.apply(replace(change, arrays=weights), rng)
    return replace(after, arrays={**change.arrays, **after.arrays})
