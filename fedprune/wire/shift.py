"""What values are coded against, and what is remembered of a message for the next one.

With base "update" the values of an array are coded minus what both sides hold of it; with "tracked" minus
that and minus what both sides track, which follows the decoded differences: tracked += step * difference.
An array of which nothing is held is coded as it is. Sums and differences are held within the finite float32
numbers.

Tracking is the shift of DIANA (Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269), kept for each
client and moved only in the rounds in which it takes part, as the control variates of SCALLION and SCAFCOM
are (Huang, Li, Li, ICLR 2024, arXiv 2308.08165). SCALLION, for unbiased compression, sends the compressed
alpha * (mean local gradient - control variate) and adds what was decoded to the control variate; ``step`` is
this alpha for quantizers that commute with a factor. SCAFCOM, for biased compression, sends the whole
difference of a local momentum and the control variate: its ``step`` is 1.

Departures: what is tracked are updates of weights, not gradients; local training is not corrected by it; the
server keeps no mean of it over all clients. It is a matter of coding alone: the server aggregates each
sampled client's own model, tracked plus the whole difference, which SCALLION's alpha would shrink, whatever
the strategy does with it. SCAFCOM's momentum is left out. Coordinates outside of a client's mask are not
tracked.

The residual is error feedback (Seide et al., Interspeech 2014; Karimireddy et al., ICML 2019): what was to be
sent minus what the receiver decodes, added to the sender's next message. Departure: it is kept on the
client's kept coordinates only, and waits until the client takes part again.
"""

from __future__ import annotations

import functools

import numpy as np

from fedprune.types import Array
from fedprune.wire.finite import hold_finite
from fedprune.wire.pipeline import Pipeline
from fedprune.wire.quantizers import Slot, Values


def shift_of(held: Array | None, tracked: Array | None, slot: Slot, pipeline: Pipeline) -> Values | None:
    """The base that the values of a slot are coded against; None where they are coded as they are."""
    known = {"weights": (), "update": (held,), "tracked": (held, tracked)}[pipeline.base]
    parts = [take(array, slot) for array in known if array is not None]
    return functools.reduce(plus, parts) if parts else None


def plus(first: Array, second: Array) -> Array:
    """The sum as float32, held within the finite numbers."""
    with np.errstate(over="ignore"):
        return hold_finite(np.add(first, second, dtype=np.float32))


def minus(first: Array, second: Array) -> Array:
    """The difference as float32, held within the finite numbers."""
    with np.errstate(over="ignore"):
        return hold_finite(np.subtract(first, second, dtype=np.float32))


def follow(tracked: Array | None, difference: Values, step: float, kept: Slot) -> Array:
    """The array that both sides track after a decoded difference; it is zero where nothing is kept."""
    moved = difference * np.float32(step)
    if tracked is not None:
        with np.errstate(over="ignore"):
            moved = hold_finite(np.add(take(tracked, kept), moved, out=moved))
    return put(moved, kept)


def take(array: Array, slot: Slot) -> Values:
    """The values of a slot's places, in one run."""
    flat = array.reshape(-1)
    return flat if slot.places is None else flat.take(slot.places)


def put(values: Values, slot: Slot) -> Array:
    """The parameter's shape: ``values`` in the slot's places, zero elsewhere; a view where that is all."""
    if slot.places is None:
        return values.reshape(slot.shape)
    array = np.zeros(slot.shape, np.float32)
    array.reshape(-1)[slot.places] = values
    return array
