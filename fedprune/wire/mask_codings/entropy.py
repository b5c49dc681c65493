"""Entropy-coded bits: an ANS coder whose model is the kept share in each context, close to Shannon's bound.

A context is a parameter and whether the mask both sides know kept the coordinate. Its model is the integer
number of kept coordinates, which travels as a varint ahead of the coded bits: probabilities are derived from
integers on both sides, never sent, so that they are the same bits on every machine. A context that is all
kept or all pruned costs its count and nothing more. The coder is asymmetric numeral systems (Duda et al., PCS
2015), by ``constriction``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Bools, Shapes
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings._decisions import packed, pop_counted, push, share_model, unpacked
from fedprune.wire.mask_codings._flat import known_entry, require_at_most, shapes_of, size_of
from fedprune.wire.varint import decode_varint, encode_varint


def encode(mask: Mask, known: Mask | None, weights: Arrays | None = None) -> bytes:
    """Code the mask: the counts of all contexts, then the coded bits.

    The bits are little-endian words without the zeros at the end.
    """
    counts = bytearray()
    coded: list[tuple[Bools, int]] = []
    for name, indices, size in _contexts(shapes_of(mask), known):
        flat = mask[name].reshape(-1)
        bits = flat if indices is None else flat.take(indices)
        kept = int(np.count_nonzero(bits))
        counts += encode_varint(kept)
        if 0 < kept < size:
            coded.append((bits, kept))
    coder = stream.stack.AnsCoder()
    # The coder is a stack: what goes in last comes out first.
    for bits, kept in reversed(coded):
        push(coder, bits, share_model(kept, bits.size))
    return bytes(counts) + packed(coder)


def decode(
    data: bytes | memoryview, shapes: Shapes, known: Mask | None, weights: Arrays | None = None
) -> Mask:
    """Decode the mask over ``shapes``.

    Raises CodecError for counts beyond a context's size, bits that contradict the counts, and bytes left
    over.
    """
    contexts = list(_contexts(shapes, known))
    counts, position = [], 0
    for name, _, size in contexts:
        kept, position = decode_varint(data, position)
        if kept > size:
            raise CodecError(f"mask: {name} keeps {kept} of {size} coordinates")
        counts.append(kept)
    require_at_most(data, position, size_of(shapes))
    coder = unpacked(bytes(data[position:]))
    flats = {name: np.empty(math.prod(shape), np.bool_) for name, shape in shapes.items()}
    for (name, indices, size), kept in zip(contexts, counts, strict=True):
        # One value stands for all where it is that of all.
        bits = kept == size if kept in (0, size) else pop_counted(coder, kept, size)
        if indices is None:
            flats[name][:] = bits
        else:
            flats[name][indices] = bits
    if not coder.is_empty():
        raise CodecError("mask: coded bits are left over")
    return Mask({name: flats[name].reshape(shape) for name, shape in shapes.items()})


def _contexts(shapes: Shapes, known: Mask | None) -> Iterator[tuple[str, NDArray[np.intp] | None, int]]:
    """Parameter, indices of its coordinates in the context (None: all of them), their number, never 0."""
    for name in sorted(shapes):
        size = math.prod(shapes[name])
        before = known_entry(name, shapes[name], known)
        if before is None or before.all() or not before.any():
            if size:
                yield name, None, size
            continue
        for indices in (np.flatnonzero(before), np.flatnonzero(~before)):
            yield name, indices, indices.size
