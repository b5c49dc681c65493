"""Masks as one run of bools, parameters sorted by name: what all mask codings share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.mask import Mask
from fedprune.types import Bools, Shapes
from fedprune.wire.errors import CodecError


def shapes_of(mask: Mask) -> Shapes:
    """The shape of each parameter that ``mask`` covers, by name."""
    return {name: kept.shape for name, kept in mask.items()}


def flatten(mask: Mask) -> Bools:
    """All entries of ``mask`` in one run, parameters sorted by name."""
    if not mask:
        return np.empty(0, np.bool_)
    return np.concatenate([mask[name].reshape(-1) for name in sorted(mask)])


def known_entry(name: str, shape: tuple[int, ...], known: Mask | None) -> Bools | None:
    """The entry of one parameter in the mask both sides know, flattened; None where it has none (all kept).

    Raises ValueError when its entry has another shape.
    """
    if known is None or name not in known:
        return None
    if known[name].shape != tuple(shape):
        raise ValueError(f"known mask of {name}: shape {known[name].shape}, expected {tuple(shape)}")
    return known[name].reshape(-1)


def flatten_known(shapes: Shapes, known: Mask | None) -> Bools:
    """The mask both sides know over all coordinates of ``shapes``, in the order of ``flatten``."""
    flat = np.ones(size_of(shapes), np.bool_)
    start = 0
    for name in sorted(shapes):
        stop = start + math.prod(shapes[name])
        entry = known_entry(name, shapes[name], known)
        if entry is not None:
            flat[start:stop] = entry
        start = stop
    return flat


def unflatten(flat: Bools, shapes: Shapes) -> Mask:
    """The mask, in the order of ``shapes``, that ``flatten`` made ``flat`` of; entries are views into it."""
    entries = {}
    start = 0
    for name in sorted(shapes):
        stop = start + math.prod(shapes[name])
        entries[name] = flat[start:stop].reshape(shapes[name])
        start = stop
    return Mask({name: entries[name] for name in shapes})


def size_of(shapes: Shapes) -> int:
    """The number of coordinates of all parameters together."""
    return sum(math.prod(shape) for shape in shapes.values())


def require_at_most(data: bytes | memoryview, start: int, decisions: int) -> None:
    """CodecError when more follows ``start`` than so many coded decisions ever take: 24 bits each."""
    if len(data) - start > 4 * decisions + 64:
        raise CodecError(f"mask: {len(data) - start} bytes for {decisions} coded bits")


def pack_bits(bits: Bools) -> bytes:
    """Eight bools a byte, low bits first."""
    return np.packbits(bits, bitorder="little").tobytes()


def unpack_bits(data: bytes | memoryview, count: int) -> Bools:
    """``count`` bools; CodecError unless ``data`` has exactly their bytes, with unused bits at zero."""
    if len(data) != (count + 7) // 8:
        raise CodecError(f"mask: {len(data)} bytes for {count} bits")
    if count % 8 and data[-1] >> count % 8:
        raise CodecError("mask: bits are set beyond the last coordinate")
    packed: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
    return np.unpackbits(packed, count=count, bitorder="little").view(np.bool_)
