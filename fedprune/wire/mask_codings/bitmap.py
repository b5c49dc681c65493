"""One bit per coordinate, whatever the other side knows."""

from __future__ import annotations

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.mask_codings._flat import flatten, pack_bits, size_of, unflatten, unpack_bits


def encode(mask: Mask, known: Mask | None, weights: Arrays | None = None) -> bytes:
    """The bits of all parameters in one run."""
    return pack_bits(flatten(mask))


def decode(
    data: bytes | memoryview, shapes: Shapes, known: Mask | None, weights: Arrays | None = None
) -> Mask:
    """The mask over ``shapes``; CodecError unless ``data`` has exactly their bits."""
    return unflatten(unpack_bits(data, size_of(shapes)), shapes)
