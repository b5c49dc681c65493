"""A payload as the parts of a message, and back: the mask, the kept values, the exact small vectors.

======== ==================================================================================================
part     holds
======== ==================================================================================================
mask     the mask, by its coding; only there when it travels
chosen   which of the kept coordinates travel, coded as a mask; only there when the pipeline is sparse
values   kept coordinates of parameters with two or more axes (kernels, matrices), through the pipeline
side     the quantizer's side information (scales)
dense    kept coordinates of parameters with fewer axes (biases, norms and their running statistics), always
         fp32: they are few, and a rounded running variance hurts out of all proportion
next     the mask of the messages after this one, coded against this one's; in replies alone, and only where a
         client chooses it ahead (see ``federation/protocol/link.py``)
======== ==================================================================================================

Parameters stand one after the other in each part, sorted by name; a parameter that the mask has no entry for
is kept whole. An empty part does not travel. Both sides derive names, shapes, order and codecs from what they
already know, never from bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire import sparsify
from fedprune.wire.errors import CodecError
from fedprune.wire.finite import is_finite, require_finite
from fedprune.wire.pipeline import Keys, Part, Pipeline
from fedprune.wire.quantizers import Slot, Values
from fedprune.wire.shift import follow, minus, plus, put, shift_of, take

PARTS = ("mask", "chosen", "values", "side", "dense", "next")
"""Every part that a payload may have; ``encode_payload`` makes all but the last."""


@dataclass(frozen=True)
class Reference:
    """What a message is coded against: what its sender and its receiver both hold before it is sent."""

    mask: Mask
    held: Arrays = field(default_factory=dict)
    """Values that both sides hold bit for bit, in full shapes."""
    tracked: Arrays = field(default_factory=dict)
    """The arrays that both sides track over earlier messages in this direction (base "tracked")."""


@dataclass(frozen=True)
class Encoded:
    """A message as its sender makes it, and what the sender remembers once it is accepted."""

    parts: dict[str, bytes]
    tracked: Arrays
    residual: Arrays


@dataclass(frozen=True)
class Decoded:
    """A message as its receiver reads it, and what the receiver remembers once it is accepted."""

    arrays: Arrays
    mask: Mask
    tracked: Arrays
    next_mask: Mask | None = None
    """The mask of the messages after this one, where that is another."""


def encode_payload(
    arrays: Arrays,
    mask: Mask | None,
    reference: Reference,
    pipeline: Pipeline,
    keys: Keys,
    residual: Arrays | None = None,
) -> Encoded:
    """The message of ``arrays`` (float32, full shapes) under ``mask``, or the common mask when that is None.

    ``residual`` is what the sender remembers. Raises ValueError when an array is not finite or does not have
    the shape of its mask.
    """
    parts = {}
    if mask is not None:
        parts["mask"] = pipeline.coding.encode(mask, reference.mask, reference.held)
    kept = _kept(
        {name: value.shape for name, value in arrays.items()}, reference.mask if mask is None else mask
    )
    coded = _coded(kept)
    wanted = _wanted(arrays, coded, reference, pipeline, residual or {})
    sent = coded
    if pipeline.sparsify < 1 and any(slot.size for slot in coded):
        chosen = sparsify.choose(wanted, coded, pipeline.sparsify)
        parts["chosen"] = pipeline.coding.encode(chosen, _as_mask(coded), reference.held)
        sent = sparsify.narrow(coded, chosen)
    parts |= pipeline.encode_values(_moved(wanted, coded, sent), sent, keys)
    exact = [take(arrays[slot.name], slot) for slot in _exact(kept)]
    if any(piece.size for piece in exact):
        dense = np.concatenate(exact, dtype=np.float32)
        require_finite(dense)
        parts["dense"] = dense.astype("<f4", copy=False).tobytes()
    if not pipeline.remembers:
        return Encoded(parts, {}, {})
    # By the bytes that travel, as the receiver will have them.
    differences = _moved(pipeline.decode_values(parts, sent, keys), sent, coded)
    lost = _residual(wanted, coded, differences, pipeline, residual or {})
    del wanted  # Of a large model it takes as much memory as the values themselves.
    return Encoded(parts, _tracked(reference, coded, differences, pipeline), lost)


def decode_payload(
    parts: Mapping[str, Part],
    expected: Shapes,
    reference: Reference,
    maskable: Shapes,
    mask_travels: bool,
    pipeline: Pipeline,
    keys: Keys,
) -> Decoded:
    """The arrays named in ``expected`` (float32, full shapes, zero where pruned) and the mask over them.

    A travelling mask covers exactly the parameters in ``maskable``; when none travels, the mask is the common
    one. Parts other than ``PARTS`` are not looked at. Raises CodecError for a mask that is missing or
    uncalled for, for parts that do not have exactly the bytes that the mask calls for, for empty ones, and
    for values that are not finite.
    """
    for name in ("values", "side", "dense"):
        if name in parts and not len(parts[name]):
            raise CodecError(f"{name}: an empty part does not travel")
    if mask_travels != ("mask" in parts):
        raise CodecError(
            "mask: it should travel and is not there" if mask_travels else "mask: it should not travel"
        )
    mask = reference.mask
    if mask_travels:
        mask = pipeline.coding.decode(parts["mask"], maskable, reference.mask, reference.held)
    kept = _kept(expected, mask)
    coded = _coded(kept)
    sent = _chosen(parts, coded, reference, pipeline)
    differences = _moved(pipeline.decode_values(parts, sent, keys), sent, coded)
    decoded = {**_shifted(differences, coded, reference, pipeline), **_decode_exact(parts, _exact(kept))}
    tracked = _tracked(reference, coded, differences, pipeline)
    return Decoded({name: decoded[name] for name in expected}, mask, tracked)


def _kept(shapes: Shapes, mask: Mask) -> list[Slot]:
    """The kept coordinates of each parameter as a slot, sorted by name.

    A slot holds places rather than bools, since taking and putting by them is several times faster. Raises
    ValueError when a parameter and its mask differ in shape.
    """
    slots = []
    for name in sorted(shapes):
        kept, shape = mask.get(name), tuple(shapes[name])
        if kept is not None and kept.shape != shape:
            raise ValueError(f"mask of {name}: shape {kept.shape}, the parameter has {shape}")
        places = None if kept is None or kept.all() else np.flatnonzero(kept)
        slots.append(Slot(name, shape, places))
    return slots


def _coded(kept: Sequence[Slot]) -> list[Slot]:
    """The slots whose values go through the pipeline: kernels and matrices."""
    return [slot for slot in kept if len(slot.shape) > 1]


def _exact(kept: Sequence[Slot]) -> list[Slot]:
    """The slots whose values travel exactly: biases, norms and other vectors."""
    return [slot for slot in kept if len(slot.shape) < 2]


def _moved(values: Sequence[Values], given: Sequence[Slot], asked: Sequence[Slot]) -> Sequence[Values]:
    """The values of the slots ``given`` rearranged for the slots ``asked``, zero in places that are new."""
    if given is asked:
        return values
    return [take(put(value, old), new) for value, old, new in zip(values, given, asked, strict=True)]


def _as_mask(slots: Sequence[Slot]) -> Mask:
    """The mask of the coordinates in these slots; a parameter that is kept whole has no entry."""
    mask = Mask()
    for slot in slots:
        if slot.places is not None:
            bools = np.zeros(math.prod(slot.shape), np.bool_)
            bools[slot.places] = True
            mask[slot.name] = bools.reshape(slot.shape)
    return mask


def _shift(slot: Slot, reference: Reference, pipeline: Pipeline) -> Values | None:
    """The base that a slot's values are coded against, or None where there is none.

    Raises ValueError when both sides hold an array of another shape.
    """
    known = reference.held.get(slot.name), reference.tracked.get(slot.name)
    for array in known:
        if array is not None and array.shape != slot.shape:
            raise ValueError(f"both sides hold {slot.name} of shape {array.shape}, it has {slot.shape}")
    return shift_of(*known, slot, pipeline)


def _wanted(
    arrays: Arrays, coded: Sequence[Slot], reference: Reference, pipeline: Pipeline, residual: Arrays
) -> list[Values]:
    """The float32 values that the values part has to convey, one array for each slot."""
    wanted = []
    for slot in coded:
        values, shift = take(arrays[slot.name], slot), _shift(slot, reference, pipeline)
        lost = residual.get(slot.name)
        if shift is not None or lost is not None:
            # Below, infinities would become the largest numbers.
            require_finite(values)
        values = np.asarray(values, np.float32) if shift is None else minus(values, shift)
        wanted.append(values if lost is None else plus(values, take(lost, slot)))
    return wanted


def _chosen(
    parts: Mapping[str, Part], coded: list[Slot], reference: Reference, pipeline: Pipeline
) -> list[Slot]:
    """The slots of the kept coordinates that travel. Raises CodecError unless the part fits the pipeline."""
    expected = pipeline.sparsify < 1 and any(slot.size for slot in coded)
    if expected != ("chosen" in parts):
        raise CodecError("chosen: it should travel and is not there" if expected else "chosen: uncalled for")
    if not expected:
        return coded
    shapes = {slot.name: slot.shape for slot in coded}
    chosen = pipeline.coding.decode(parts["chosen"], shapes, _as_mask(coded), reference.held)
    sparsify.check(coded, chosen, pipeline.sparsify)
    return sparsify.narrow(coded, chosen)


def _shifted(
    differences: Sequence[Values], coded: Sequence[Slot], reference: Reference, pipeline: Pipeline
) -> Arrays:
    """The arrays themselves: the decoded differences added to the base that they were coded against."""
    arrays = {}
    for value, slot in zip(differences, coded, strict=True):
        shift = _shift(slot, reference, pipeline)
        arrays[slot.name] = put(value if shift is None else plus(shift, value), slot)
    return arrays


def _decode_exact(parts: Mapping[str, Part], slots: Sequence[Slot]) -> Arrays:
    data, sizes = parts.get("dense", b""), [slot.size for slot in slots]
    if len(data) != 4 * sum(sizes):
        raise CodecError(f"dense values: {len(data)} bytes, {4 * sum(sizes)} are expected")
    values: Values = np.frombuffer(data, "<f4").astype(np.float32)
    if not is_finite(values):
        raise CodecError("NaN or inf in values")
    arrays, start = {}, 0
    for slot, size in zip(slots, sizes, strict=True):
        arrays[slot.name] = put(values[start : start + size], slot)
        start += size
    return arrays


def _tracked(
    reference: Reference, coded: Sequence[Slot], differences: Sequence[Values], pipeline: Pipeline
) -> Arrays:
    """The arrays that both sides track after this message; one that did not travel stays as it was."""
    if pipeline.base != "tracked":
        return {}
    moved = {
        slot.name: follow(reference.tracked.get(slot.name), value, pipeline.step, slot)
        for value, slot in zip(differences, coded, strict=True)
    }
    return {**reference.tracked, **moved}


def _residual(
    wanted: Sequence[Values],
    coded: Sequence[Slot],
    differences: Sequence[Values],
    pipeline: Pipeline,
    residual: Arrays,
) -> Arrays:
    """The part of the wanted values that the receiver does not decode, which the sender's next message adds.

    Arrays that did not travel keep what was lost of them before.
    """
    if pipeline.feedback != "residual":
        return {}
    lost = {
        slot.name: put(minus(value, got), slot)
        for value, got, slot in zip(wanted, differences, coded, strict=True)
    }
    return {**residual, **lost}
