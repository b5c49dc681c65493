"""Yes-no decisions of known probability as bytes: what precedes them in the clear, then an ANS stream.

The coder is asymmetric numeral systems (Duda et al., PCS 2015), by ``constriction``. Any bytes would decode
to some decisions; sixteen bits that are coded behind the last one tell bytes that were cut or changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from constriction import stream
from numpy.typing import NDArray

from fedprune.types import Bools
from fedprune.wire.chunks import chunks
from fedprune.wire.errors import CodecError
from fedprune.wire.varint import encode_varint

Steps = NDArray[np.uint8]
Floats = NDArray[np.float64]

_PRECISION = 20
"""Bits of a probability: exact in floating point, and far finer than any share needs."""
_SEAL, _SEALS = 0xA55A, 1 << 16


class Writer:
    """Collects the numbers that precede the coded decisions, and the decisions."""

    def __init__(self) -> None:
        self.numbers = bytearray()
        self._decisions: list[tuple[Bools, Any, Steps | None, Floats | None]] = []

    def counted(self, bits: Bools) -> None:
        """Decisions by the share that is true, whose count precedes them."""
        count = int(np.count_nonzero(bits))
        self.numbers += encode_varint(count)
        if 0 < count < bits.size:
            self._decisions.append((bits, share_model(count, bits.size), None, None))

    def modelled(self, bits: Bools, steps: Steps, shares: Floats) -> None:
        """Decisions, each true with the probability ``shares[steps[i]]``."""
        self._decisions.append((bits, stream.model.Bernoulli(perfect=False), steps, shares))

    def result(self) -> bytes:
        """Numbers, then little-endian words without the zeros at the end."""
        if not self._decisions:
            return bytes(self.numbers)
        coder = stream.stack.AnsCoder()
        coder.encode_reverse(_SEAL, stream.model.Uniform(_SEALS))
        # The coder is a stack: what goes in last comes out first.
        for bits, model, steps, shares in reversed(self._decisions):
            push(coder, bits, model, steps, shares)
        return bytes(self.numbers) + packed(coder)


class Reader:
    """Decisions, in the order in which a writer was given them."""

    def __init__(self, words: bytes) -> None:
        self._coder = unpacked(words)
        self._sealed = False

    def counted(self, count: int, size: int) -> Bools:
        """``size`` decisions of which ``count`` are true."""
        if count > size:
            raise CodecError(f"mask: {count} of {size} decisions are said to be true")
        if count in (0, size):
            return np.full(size, count == size)
        self._sealed = True
        return pop_counted(self._coder, count, size)

    def modelled(self, steps: Steps, shares: Floats) -> Bools:
        """Decisions, each true with the probability ``shares[steps[i]]``."""
        self._sealed = True
        model = stream.model.Bernoulli(perfect=False)
        bits = np.empty(steps.size, np.bool_)
        for part in chunks(steps.size):
            bits[part] = self._coder.decode(model, shares[steps[part]])
        return bits

    def finish(self) -> None:
        """CodecError unless everything was read, and is what was written."""
        if self._sealed and self._coder.decode(stream.model.Uniform(_SEALS)) != _SEAL:
            raise CodecError("mask: coded bits do not end where they should")
        if not self._coder.is_empty():
            raise CodecError("mask: coded bits are left over")


def share_model(count: int, size: int) -> Any:
    """The model of decisions of which ``count`` of ``size`` are true; neither is ever impossible."""
    share = min(max((count << _PRECISION) // size, 1), (1 << _PRECISION) - 1)
    return stream.model.Bernoulli(share / (1 << _PRECISION), perfect=False)


def push(
    coder: Any, bits: Bools, model: Any, steps: Steps | None = None, shares: Floats | None = None
) -> None:
    """Put decisions on the stack, the last one first, by one model or each by the share of its step."""
    for part in chunks(bits.size, backwards=True):
        own = [] if steps is None or shares is None else [shares[steps[part]]]
        coder.encode_reverse(bits[part].astype(np.int32), model, *own)


def pop_counted(coder: Any, count: int, size: int) -> Bools:
    """``size`` decisions; CodecError unless ``count`` of them are true."""
    model, bits = share_model(count, size), np.empty(size, np.bool_)
    for part in chunks(size):
        bits[part] = coder.decode(model, part.stop - part.start)
    if int(np.count_nonzero(bits)) != count:
        raise CodecError(f"mask: {np.count_nonzero(bits)} of {size} decisions are true, not {count}")
    return bits


def packed(coder: Any) -> bytes:
    """The coder's stack as bytes: little-endian words without the zeros at the end."""
    words: bytes = coder.get_compressed().astype("<u4", copy=False).tobytes()
    return words.rstrip(b"\0")


def unpacked(words: bytes) -> Any:
    """A stack that holds ``words``, completed to whole 32-bit words; CodecError for a zero at their end."""
    if words.endswith(b"\0"):
        raise CodecError("mask: the coded bits end in a zero byte")
    whole = words + bytes(-len(words) % 4)
    return stream.stack.AnsCoder(np.frombuffer(whole, "<u4").astype(np.uint32))
