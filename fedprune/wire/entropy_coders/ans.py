"""ANS: symbols at the entropy of their own histogram, or of a coarser one where a full one costs too much.

Runs of one alphabet share a histogram where that saves bytes, and form a group. A group's model travels as
its number of runs (a varint), a shift, and a histogram of ``symbol >> shift``; the bits below the shift are
coded as uniform, and at the greatest shift the whole symbol is, without any histogram. An entry of a
histogram is the rounded square root of a count, because a count that is wrong by its own square root costs
next to nothing: it takes half the bits, its noise is the same everywhere, and differences of neighbours are
small (``_rice``). Probabilities are squares of these integers, the same on every machine.

The coder is asymmetric numeral systems (Duda et al., PCS 2015), by ``constriction``. Any bytes would decode
to some symbols; sixteen bits that are coded behind the last symbol tell bytes that were cut or changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from fedprune.wire.chunks import chunks
from fedprune.wire.entropy_coders._rice import decode_row, encode_row, row_bits
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Symbols
from fedprune.wire.varint import decode_varint, encode_varint

Integers = NDArray[np.int64]

_CHUNK = 1 << 17
"""Symbols that are widened to 32 bits at a time."""
_SEAL, _SEALS = 0xA55A, 1 << 16


@dataclass(frozen=True)
class _Group:
    """Runs of one alphabet that share a model."""

    runs: tuple[int, ...]
    levels: int
    shift: int
    roots: Integers | None
    """Square roots of counts, one for each value of ``symbol >> shift``; None: symbols are uniform."""


def encode(runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> bytes:
    """Models of all groups, then the coded symbols: little-endian words without the zeros at the end.

    Raises ValueError for symbols beyond their alphabet.
    """
    groups = [
        group
        for levels, places in _by_levels(alphabets)
        for group in _grouped(places, levels, [_counts(runs[place], levels) for place in places])
    ]
    if not groups:
        return b""
    coder = stream.stack.AnsCoder()
    coder.encode_reverse(_SEAL, stream.model.Uniform(_SEALS))
    # The coder is a stack: what goes in last comes out first.
    for group in reversed(groups):
        high, low = _models(group)
        for place in reversed(group.runs):
            for chunk in chunks(runs[place].size, _CHUNK, backwards=True):
                symbols = runs[place][chunk].astype(np.int32)
                if low is not None:
                    coder.encode_reverse(symbols & (1 << group.shift) - 1, low)
                    symbols >>= group.shift
                coder.encode_reverse(symbols, high)
    words = coder.get_compressed().astype("<u4", copy=False).view(np.uint8)
    end = words.size - next(zeros for zeros in range(4) if words[-1 - zeros])
    return b"".join([*map(_head, groups), words[:end].data])


def decode(data: bytes | memoryview, alphabets: Sequence[Alphabet]) -> list[Symbols]:
    """Decode the runs of symbols, as uint8 or uint16.

    Raises CodecError for models that cannot be, symbols out of range or of no probability, and bytes that are
    missing or left over.
    """
    view = memoryview(data)
    groups, start = _read_groups(view, alphabets)
    decoded: list[Symbols] = [
        np.empty(alphabet.count, np.uint8 if alphabet.levels <= 256 else np.uint16) for alphabet in alphabets
    ]
    if not groups:
        if len(view):
            raise CodecError(f"values: {len(view)} bytes, 0 are expected")
        return decoded
    # A symbol takes 24 bits at most, and 16 more below its shift.
    if len(view) - start > 5 * sum(alphabet.count for alphabet in alphabets) + 64:
        raise CodecError(f"values: {len(view) - start} bytes are more than coded symbols take")
    coder = _coder(view[start:])
    for group in groups:
        high, low = _models(group)
        for place in group.runs:
            for chunk in chunks(alphabets[place].count, _CHUNK):
                decoded[place][chunk] = _decode_chunk(coder, group, high, low, chunk.stop - chunk.start)
    if coder.decode(stream.model.Uniform(_SEALS)) != _SEAL or not coder.is_empty():
        raise CodecError("values: coded symbols do not end where their bytes do")
    return decoded


def _by_levels(alphabets: Sequence[Alphabet]) -> list[tuple[int, list[int]]]:
    """Levels, in the order in which they appear, and the places of runs of as many that hold anything."""
    places: dict[int, list[int]] = {}
    for place, alphabet in enumerate(alphabets):
        if alphabet.count:
            places.setdefault(alphabet.levels, []).append(place)
    return list(places.items())


def _grouped(places: Sequence[int], levels: int, counts: Sequence[Integers]) -> Iterator[_Group]:
    """Groups of neighbours: a run joins the one before it where one model for all takes fewer bits."""
    runs, pooled = [places[0]], counts[0]
    best = _best_model(pooled, levels)
    for place, own in zip(places[1:], counts[1:], strict=True):
        alone, together = _best_model(own, levels), _best_model(pooled + own, levels)
        if together[0] > best[0] + alone[0]:
            yield _Group(tuple(runs), levels, *best[1:])
            runs, pooled, best = [place], own, alone
        else:
            runs, pooled, best = [*runs, place], pooled + own, together
    yield _Group(tuple(runs), levels, *best[1:])


def _best_model(counts: Integers, levels: int) -> tuple[float, int, Integers | None]:
    """Bits that a group with these counts takes, model and all, and the shift and the histogram for it."""
    size, top = int(counts.sum()), _top(levels)
    best: tuple[float, int, Integers | None] = (16 + size * math.log2(levels), top, None)
    coarse = counts
    for shift in range(top):
        if shift:
            coarse = np.add.reduceat(coarse, np.arange(0, coarse.size, 2))
        roots = np.maximum(np.rint(np.sqrt(coarse)).astype(np.int64), coarse > 0)
        there = coarse > 0
        squares = roots[there].astype(np.float64) ** 2
        symbols = size * (shift + math.log2(squares.sum())) - float(coarse[there] @ np.log2(squares))
        # The row, which takes the longest to weigh, can only add to that.
        if 16 + symbols < best[0] and (bits := 16 + row_bits(roots) + symbols) < best[0]:
            best = (bits, shift, roots)
    return best


def _top(levels: int) -> int:
    """The greatest shift, which leaves nothing of any symbol."""
    return (levels - 1).bit_length()


def _counts(run: Symbols, levels: int) -> Integers:
    counts: Integers = np.zeros(levels, np.int64)
    for chunk in chunks(run.size, _CHUNK):
        found = np.bincount(run[chunk], minlength=levels)
        if found.size > levels:
            raise ValueError(f"a symbol of {levels} levels is {found.size - 1}")
        counts += found
    return counts


def _head(group: _Group) -> bytes:
    model = b"" if group.roots is None else encode_row(group.roots)
    return encode_varint(len(group.runs)) + bytes([group.shift]) + model


def _read_groups(data: memoryview, alphabets: Sequence[Alphabet]) -> tuple[list[_Group], int]:
    """All groups, and where the coded symbols begin."""
    groups, position = [], 0
    for levels, places in _by_levels(alphabets):
        taken = 0
        while taken < len(places):
            number, position = decode_varint(data, position)
            runs = tuple(places[taken : taken + number])
            if not 0 < number == len(runs):
                raise CodecError(f"values: a model for {number} runs, {len(places) - taken} are left")
            taken += number
            size = sum(alphabets[place].count for place in runs)
            shift, roots, position = _read_model(data, position, levels, size)
            groups.append(_Group(runs, levels, shift, roots))
    return groups, position


def _read_model(data: memoryview, position: int, levels: int, size: int) -> tuple[int, Integers | None, int]:
    """Shift, histogram and where the next thing begins."""
    if position >= len(data) or data[position] > _top(levels):
        raise CodecError(f"values: no shift for a model of {levels} levels")
    shift = data[position]
    if shift == _top(levels):
        return shift, None, position + 1
    roots, position = decode_row(data, position + 1, -(-levels >> shift), math.isqrt(size) + 1)
    if not roots.any():
        raise CodecError("values: a histogram is empty")
    return shift, roots, position


def _models(group: _Group) -> tuple[Any, Any]:
    """The models of what is above the shift, and of the bits below it (None where there are none)."""
    if group.roots is None:
        return stream.model.Uniform(group.levels), None
    high = stream.model.Categorical(group.roots.astype(np.float64) ** 2, perfect=False, lazy=False)
    return high, stream.model.Uniform(1 << group.shift) if group.shift else None


def _coder(words: memoryview) -> Any:
    """A coder that holds ``words``, completed to whole 32-bit words."""
    if not len(words) or words[-1] == 0:
        raise CodecError("values: no coded symbols, or a zero byte behind them")
    whole = np.zeros(-(-len(words) // 4), "<u4")
    whole.view(np.uint8)[: len(words)] = np.frombuffer(words, np.uint8)
    return stream.stack.AnsCoder(whole.astype(np.uint32, copy=False))


def _decode_chunk(coder: Any, group: _Group, high: Any, low: Any, size: int) -> Symbols:
    symbols: NDArray[np.int32] = coder.decode(high, size)
    # A symbol that a histogram rules out still has the smallest of probabilities.
    if group.roots is not None and not group.roots.all() and not group.roots[symbols].all():
        raise CodecError("values: a symbol that the histogram rules out")
    if low is not None:
        symbols <<= group.shift
        symbols |= coder.decode(low, size)
    if int(symbols.max()) >= group.levels:
        raise CodecError(f"values: a symbol of {group.levels} levels is {symbols.max()}")
    return symbols
