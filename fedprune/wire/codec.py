"""A payload as the parts of a message, and back: the mask, the kept values, the exact small vectors.

======== ==================================================================================================
part     holds
======== ==================================================================================================
mask     the mask, by its coding; only there when it travels
values   kept coordinates of parameters with two or more axes (kernels, matrices), by the value codec
dense    kept coordinates of parameters with fewer axes (biases, norms and their running statistics), always
         fp32: they are few, and a rounded running variance hurts out of all proportion
======== ==================================================================================================

Parameters stand one after the other in each part, sorted by name; a parameter that the mask has no entry for
is kept whole. An empty part does not travel. Both sides derive names, shapes, order and codecs from what they
already know, never from bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.types import Array, Arrays, Shapes
from fedprune.wire.errors import CodecError
from fedprune.wire.value_codecs import fp32
from fedprune.wire.value_codecs._checks import is_finite

PARTS = ("mask", "values", "dense")
"""Every part that ``encode_payload`` may make."""

Part = bytes | memoryview
_Places = dict[str, NDArray[np.intp] | None]


def encode_payload(
    arrays: Arrays, mask: Mask | None, known: Mask, mask_coding: str, value_codec: str
) -> dict[str, bytes]:
    """Part name -> bytes of ``arrays`` (float32, full shapes) under ``mask``, or ``known`` when that is None.

    ``known`` is the mask that both sides know. Raises ValueError when an array is not finite or does not have
    the shape of its mask.
    """
    parts = {}
    if mask is not None:
        parts["mask"] = plugins.load("mask_codings", mask_coding).encode(mask, known)
    shapes = {name: value.shape for name, value in arrays.items()}
    places = _kept_places(shapes, known if mask is None else mask)
    for part, codec in _value_parts(value_codec).items():
        pieces = [_take(arrays[name], places[name]) for name in _names_in(part, shapes)]
        if any(piece.size for piece in pieces):
            parts[part] = codec.encode(np.concatenate(pieces, dtype=np.float32))
    return parts


def decode_payload(
    parts: Mapping[str, Part],
    expected: Shapes,
    known: Mask,
    maskable: Shapes,
    mask_travels: bool,
    mask_coding: str,
    value_codec: str,
) -> tuple[Arrays, Mask]:
    """The arrays named in ``expected`` (float32, full shapes, zero where pruned) and the mask over them.

    A travelling mask covers exactly the parameters in ``maskable``; when none travels, the mask is ``known``.
    Parts other than ``PARTS`` are not looked at. Raises CodecError for a mask that is missing or uncalled
    for, for parts that do not have exactly the bytes that the mask calls for, and for values that are not
    finite.
    """
    if mask_travels != ("mask" in parts):
        raise CodecError(
            "mask: it should travel and is not there" if mask_travels else "mask: it should not travel"
        )
    mask = known
    if mask_travels:
        mask = plugins.load("mask_codings", mask_coding).decode(parts["mask"], maskable, known)
    places = _kept_places(expected, mask)
    decoded: Arrays = {}
    for part, codec in _value_parts(value_codec).items():
        shapes = {name: expected[name] for name in _names_in(part, expected)}
        decoded |= _decode_values(codec, parts.get(part, b""), shapes, places)
    return {name: decoded[name] for name in expected}, mask


def _value_parts(value_codec: str) -> dict[str, Any]:
    """Part of values -> its codec."""
    return {"values": plugins.load("value_codecs", value_codec), "dense": fp32}


def _names_in(part: str, shapes: Shapes) -> list[str]:
    """The parameters whose coordinates travel in ``part``, in their order there."""
    return sorted(name for name, shape in shapes.items() if (len(shape) > 1) == (part == "values"))


def _kept_places(shapes: Shapes, mask: Mask) -> _Places:
    """Flat indices of what is kept of each parameter, None for all of it; ValueError when shapes differ.

    Indices rather than the bools themselves: taking and putting by them is several times faster.
    """
    places: _Places = {}
    for name, shape in shapes.items():
        kept = mask.get(name)
        if kept is not None and kept.shape != tuple(shape):
            raise ValueError(f"mask of {name}: shape {kept.shape}, the parameter has {tuple(shape)}")
        places[name] = None if kept is None or kept.all() else np.flatnonzero(kept)
    return places


def _take(array: Array, indices: NDArray[np.intp] | None) -> Array:
    flat = array.reshape(-1)
    return flat if indices is None else flat.take(indices)


def _decode_values(codec: Any, data: Part, shapes: Shapes, places: _Places) -> Arrays:
    """The arrays in one part; its length is checked by the codec before anything is allocated."""
    sizes = {}
    for name, shape in shapes.items():
        indices = places[name]
        sizes[name] = math.prod(shape) if indices is None else indices.size
    values = codec.decode(data, sum(sizes.values()))
    if not is_finite(values):
        raise CodecError("NaN or inf in values")
    arrays, start = {}, 0
    for name, shape in shapes.items():
        piece = values[start : start + sizes[name]]
        start += sizes[name]
        indices = places[name]
        if indices is None:
            arrays[name] = piece.reshape(shape).copy()
        else:
            arrays[name] = np.zeros(shape, np.float32)
            arrays[name].reshape(-1)[indices] = piece
    return arrays
