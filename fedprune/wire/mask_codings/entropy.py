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
from typing import Any

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Bools, Shapes
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings._flat import known_entry, require_at_most, shapes_of, size_of
from fedprune.wire.varint import decode_varint, encode_varint

_PRECISION = 20
"""Bits of a probability: exact in floating point, and far finer than any kept share needs."""


def encode(mask: Mask, known: Mask | None, weights: Arrays | None = None) -> bytes:
    """The counts of all contexts, then the coded bits: little-endian words without the zeros at the end."""
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
        coder.encode_reverse(bits.astype(np.int32), _model(kept, bits.size))
    words: bytes = coder.get_compressed().astype("<u4").tobytes()
    return bytes(counts) + words.rstrip(b"\0")


def decode(
    data: bytes | memoryview, shapes: Shapes, known: Mask | None, weights: Arrays | None = None
) -> Mask:
    """The mask over ``shapes``.

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
    coder = _coder(bytes(data[position:]))
    flats = {name: np.empty(math.prod(shape), np.bool_) for name, shape in shapes.items()}
    for (name, indices, size), kept in zip(contexts, counts, strict=True):
        bits = _decode_context(coder, kept, size)
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


def _model(kept: int, size: int) -> Any:
    """The model of a context with ``kept`` of ``size``; neither symbol is ever impossible."""
    share = min(max((kept << _PRECISION) // size, 1), (1 << _PRECISION) - 1)
    return stream.model.Bernoulli(share / (1 << _PRECISION), perfect=False)


def _coder(words: bytes) -> Any:
    """A coder that holds ``words``, completed to whole 32-bit words."""
    if words.endswith(b"\0"):
        raise CodecError("mask: the coded bits end in a zero byte")
    whole = words + bytes(-len(words) % 4)
    return stream.stack.AnsCoder(np.frombuffer(whole, "<u4").astype(np.uint32))


def _decode_context(coder: Any, kept: int, size: int) -> Bools | bool:
    """The bits of one context, or the one value that all of them have."""
    if kept in (0, size):
        return kept == size
    bits: Bools = coder.decode(_model(kept, size), size).astype(np.bool_)
    if int(np.count_nonzero(bits)) != kept:
        raise CodecError(f"mask: coded bits keep {np.count_nonzero(bits)} of {size} coordinates, not {kept}")
    return bits
