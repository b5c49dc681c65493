"""One bit per coordinate by numpy's own packing, parameter by parameter."""

from __future__ import annotations

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.errors import CodecError


def encode(mask: Mask, known: Mask | None, weights: Arrays | None = None) -> bytes:
    """Each parameter's bits, sorted by name, each from a whole byte on."""
    return b"".join(np.packbits(mask[name]).tobytes() for name in sorted(mask))


def decode(
    data: bytes | memoryview, shapes: Shapes, known: Mask | None, weights: Arrays | None = None
) -> Mask:
    """The mask over ``shapes``. Raises CodecError for any other number of bytes."""
    sizes = {name: int(np.prod(shapes[name])) for name in sorted(shapes)}
    if len(data) != sum(-(-size // 8) for size in sizes.values()):
        raise CodecError(f"mask: {len(data)} bytes are not one bit per coordinate")
    found, start = Mask(), 0
    for name, size in sizes.items():
        end = start + -(-size // 8)
        bits = np.unpackbits(np.frombuffer(data[start:end], np.uint8), count=size)
        found[name], start = bits.astype(np.bool_).reshape(shapes[name]), end
    return found
