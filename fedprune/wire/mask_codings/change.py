"""What changed since the mask both sides know: one bit per coordinate that was kept, none for pruned ones.

Masks that only shrink (Sub-FedAvg's are nested) cost one bit per previously kept coordinate and one byte.
When coordinates were revived, one bit for each previously pruned coordinate follows.
"""

from __future__ import annotations

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings._flat import (
    flatten,
    flatten_known,
    pack_bits,
    shapes_of,
    size_of,
    unflatten,
    unpack_bits,
)

_ONLY_SHRINKS, _REVIVES = 0, 1


def encode(mask: Mask, known: Mask | None, weights: Arrays | None = None) -> bytes:
    """A flag byte, the bits of coordinates kept in ``known``, then those of the others if any was revived."""
    flat, before = flatten(mask), flatten_known(shapes_of(mask), known)
    kept = pack_bits(flat.take(np.flatnonzero(before)))
    revived = flat.take(np.flatnonzero(~before))
    if revived.any():
        return bytes([_REVIVES]) + kept + pack_bits(revived)
    return bytes([_ONLY_SHRINKS]) + kept


def decode(
    data: bytes | memoryview, shapes: Shapes, known: Mask | None, weights: Arrays | None = None
) -> Mask:
    """The mask over ``shapes``; CodecError unless ``data`` has exactly the bits that ``known`` calls for."""
    before = flatten_known(shapes, known)
    kept, pruned = np.flatnonzero(before), np.flatnonzero(~before)
    if not len(data) or data[0] not in (_ONLY_SHRINKS, _REVIVES):
        raise CodecError("mask: the first byte says neither 'only shrinks' nor 'revives'")
    end = 1 + (kept.size + 7) // 8 if data[0] == _REVIVES else len(data)
    flat = np.zeros(size_of(shapes), np.bool_)
    flat[kept] = unpack_bits(data[1:end], kept.size)
    if data[0] == _REVIVES:
        flat[pruned] = unpack_bits(data[end:], pruned.size)
    return unflatten(flat, shapes)
