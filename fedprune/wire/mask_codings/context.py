"""What changed, given the weights both sides hold: what is pruned next are the small ones.

Of each parameter, sorted by name: which rows and then which columns (slices of the first and second axis)
went as a whole, where that pays; which of the other coordinates kept before are pruned now; and which of
those pruned before are back. Whole slices are coded by where their flags turn. The others are coded by a
curve of probability against magnitude (``_curve``), whose three numbers travel, unless the parameter before
has one that serves; without weights, by their share. The unit of magnitude is the one at a given rank.

Probabilities come from integers, so that they are the same bits on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Bools, Shapes
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings import _curve
from fedprune.wire.mask_codings._curve import Curve, Steps
from fedprune.wire.mask_codings._decisions import Reader, Writer
from fedprune.wire.mask_codings._flat import known_entry, require_at_most, shapes_of, size_of
from fedprune.wire.varint import decode_varint, encode_varint

USES_WEIGHTS = True

_ROWS, _COLUMNS, _BACK, _SHARE, _OWN_CURVE, _SAME_CURVE = 1, 2, 4, 8, 16, 32
_SMALLEST_UNIT = np.float32(1e-30)
_MOST = 1 << 15
"""A curve's numbers lie below it."""


@dataclass
class _Layer:
    """A parameter as rows x columns x rest, and what both sides know of it."""

    name: str
    before: Bools
    weights: NDArray[np.float32] | None

    def alive(self, axis: int) -> NDArray[np.intp]:
        """Slices along an axis that have something to lose."""
        return np.flatnonzero(_any(self.before, axis))

    def steps(self, open_: Bools, rank: int) -> Steps | None:
        """The step of each open coordinate's magnitude; None where there are no weights, or no scale.

        The unit is the magnitude ``rank`` / 256 up from the smallest.
        """
        if self.weights is None:
            return None
        magnitudes = self.weights[open_]
        np.abs(magnitudes, out=magnitudes)
        place = magnitudes.size * rank >> 8
        unit = np.partition(magnitudes, place)[place]
        return _curve.steps(magnitudes, unit) if _SMALLEST_UNIT < unit < np.inf else None


@dataclass(frozen=True)
class _Head:
    """The numbers of one layer: counts (None: not there), the rank of the unit and the curve."""

    rows: int | None
    columns: int | None
    pruned: int | None
    rank: int
    curve: Curve | None
    back: int | None


def encode(mask: Mask, known: Mask | None, weights: Arrays | None = None) -> bytes:
    """Code the mask: first the numbers of all parameters, then the coded decisions."""
    writer, curve = Writer(), None
    for layer in _layers(shapes_of(mask), known, weights):
        curve = _encode_layer(writer, layer, mask[layer.name].reshape(layer.before.shape), curve)
    return writer.result()


def decode(
    data: bytes | memoryview, shapes: Shapes, known: Mask | None, weights: Arrays | None = None
) -> Mask:
    """Decode the mask over ``shapes``.

    Raises CodecError for numbers that cannot be, decisions that contradict them, and bytes that are missing
    or left over.
    """
    layers = list(_layers(shapes, known, weights))
    heads, position, curve = [], 0, None
    for layer in layers:
        head, position = _read_head(data, position, layer, curve)
        curve = head.curve or curve
        heads.append(head)
    # Rows and columns that go as a whole are no more than there are coordinates.
    require_at_most(data, position, 3 * size_of(shapes))
    reader = Reader(bytes(data[position:]))
    entries = {name: np.empty(shape, np.bool_) for name, shape in shapes.items()}
    for layer, head in zip(layers, heads, strict=True):
        entries[layer.name][...] = _decode_layer(reader, layer, head).reshape(shapes[layer.name])
    reader.finish()
    return Mask(entries)


def _layers(shapes: Shapes, known: Mask | None, weights: Arrays | None) -> Iterator[_Layer]:
    """Parameters that have coordinates, sorted by name; ValueError for weights of another shape."""
    for name in sorted(shapes):
        shape = tuple(shapes[name])
        if not math.prod(shape):
            continue
        flat = (*(*shape, 1, 1)[:2], -1)
        before = known_entry(name, shape, known)
        value = None if weights is None else weights.get(name)
        if value is not None and value.shape != shape:
            raise ValueError(f"weights of {name}: shape {value.shape}, expected {shape}")
        yield _Layer(
            name,
            (np.ones(shape, np.bool_) if before is None else before).reshape(flat),
            None if value is None else value.astype(np.float32, copy=False).reshape(flat),
        )


def _encode_layer(writer: Writer, layer: _Layer, kept: Bools, last: Curve | None) -> Curve | None:
    """Write one layer; the curve that the next may use."""
    place = len(writer.numbers)
    writer.numbers.append(0)
    open_, flags = layer.before.copy(), 0
    for axis, flag in ((0, _ROWS), (1, _COLUMNS)):
        gone = ~_any(kept, axis)[layer.alive(axis)]
        slices = np.take(open_, layer.alive(axis)[gone], axis)
        # A flag costs less than a bit, and a coordinate more than one when nothing foretells that it goes.
        if np.count_nonzero(slices) > gone.size + 16:
            flags |= flag
            writer.counted(_turns(gone))
            _clear(open_, layer.alive(axis)[gone], axis)
    pruned = ~kept[open_]
    if pruned.any():
        how, last = _encode_pruned(writer, layer, open_, pruned, last)
        flags |= how
    back = kept[~layer.before]
    if back.any():
        flags |= _BACK
        writer.counted(back)
    writer.numbers[place] = flags
    return last


def _encode_pruned(
    writer: Writer, layer: _Layer, open_: Bools, pruned: Bools, last: Curve | None
) -> tuple[int, Curve | None]:
    """Write which of the open coordinates go, in the way that takes the fewest bits."""
    count, size = int(np.count_nonzero(pruned)), pruned.size
    rank = min(max(round(256 * count / size), 1), 255)
    steps = None if count == size else layer.steps(open_, rank)
    if steps is None:
        writer.counted(pruned)
        return _SHARE, last
    sizes, gone = _curve.counts(steps), _curve.counts(steps[pruned])
    fitted = _curve.fit(gone, sizes, last)
    numbers = _encode_curve(fitted)
    share = count / size
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    ways = {
        _SHARE: 8 * len(encode_varint(count)) + size * entropy,
        _OWN_CURVE: 8 + 8 * len(numbers) + fitted.bits(gone, sizes),
        _SAME_CURVE: 8 + last.bits(gone, sizes) if last else math.inf,
    }
    way = min(ways, key=lambda way: ways[way])
    if way == _SHARE:
        writer.counted(pruned)
        return way, last
    curve = fitted if way == _OWN_CURVE or last is None else last
    writer.numbers += bytes([rank]) + (numbers if way == _OWN_CURVE else b"")
    writer.modelled(pruned, steps, curve.shares())
    return way, curve


def _read_head(
    data: bytes | memoryview, position: int, layer: _Layer, last: Curve | None
) -> tuple[_Head, int]:
    """One layer's numbers and where the next thing begins."""
    if position >= len(data):
        raise CodecError(f"mask: {layer.name} is missing")
    flags, position = data[position], position + 1
    how = flags & (_SHARE | _OWN_CURVE | _SAME_CURVE)
    if flags > 63 or how & (how - 1) or (how == _SAME_CURVE and last is None):
        raise CodecError(f"mask: {layer.name} is coded in no known way")
    if how > _SHARE and layer.weights is None:
        raise CodecError(f"mask: {layer.name} is coded by weights that are not known")
    counts: dict[int, int] = {}
    rank, curve = 0, last if how == _SAME_CURVE else None
    for flag in (_ROWS, _COLUMNS, _SHARE):
        if flags & flag:
            counts[flag], position = decode_varint(data, position)
    if how > _SHARE:
        if position >= len(data) or data[position] == 0:
            raise CodecError(f"mask: {layer.name} has no unit of magnitude")
        rank, position = data[position], position + 1
    if how == _OWN_CURVE:
        curve, position = _decode_curve(data, position)
    if flags & _BACK:
        counts[_BACK], position = decode_varint(data, position)
    head = _Head(counts.get(_ROWS), counts.get(_COLUMNS), counts.get(_SHARE), rank, curve, counts.get(_BACK))
    return head, position


def _decode_layer(reader: Reader, layer: _Layer, head: _Head) -> Bools:
    open_ = layer.before.copy()
    for axis, count in ((0, head.rows), (1, head.columns)):
        if count is not None:
            alive = layer.alive(axis)
            turns = reader.counted(count, alive.size)
            _clear(open_, alive[np.cumsum(turns) % 2 == 1], axis)
    kept = open_.copy()
    size = int(np.count_nonzero(open_))
    if head.pruned is not None:
        kept[open_] = ~reader.counted(head.pruned, size)
    elif head.rank:
        steps = layer.steps(open_, head.rank) if size else None
        if steps is None or head.curve is None:
            raise CodecError(f"mask: {layer.name} has no magnitudes to go by")
        kept[open_] = ~reader.modelled(steps, head.curve.shares())
    if head.back is not None:
        pruned = ~layer.before
        kept[pruned] = reader.counted(head.back, int(np.count_nonzero(pruned)))
    return kept


def _any(entries: Bools, axis: int) -> Bools:
    """Whether a slice along ``axis``, 0 or 1, has a true entry."""
    return np.asarray(entries.any(axis=(1, 2) if axis == 0 else (0, 2)))


def _turns(flags: Bools) -> Bools:
    """Where flags differ from the one before, False before the first: they come in runs."""
    return np.diff(flags, prepend=False)


def _clear(entries: Bools, slices: NDArray[np.intp], axis: int) -> None:
    entries[(slice(None),) * axis + (slices,)] = False


def _encode_curve(curve: Curve) -> bytes:
    numbers = (curve.level, curve.slope, curve.bend)
    return b"".join(encode_varint(2 * number if number >= 0 else -2 * number - 1) for number in numbers)


def _decode_curve(data: bytes | memoryview, position: int) -> tuple[Curve, int]:
    numbers = []
    for _ in range(3):
        folded, position = decode_varint(data, position)
        if folded >= 2 * _MOST:
            raise CodecError("mask: a curve is steeper than any")
        numbers.append(folded // 2 if folded % 2 == 0 else -(folded + 1) // 2)
    return Curve(*numbers), position
