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
from fedprune.wire.errors import CodecError
from fedprune.wire.varint import encode_varint

_PRECISION = 20
"""Bits of a probability: exact in floating point."""
_SEAL, _SEALS = 0xA55A, 1 << 16


class Writer:
    """Collects the numbers that precede the coded decisions, and the decisions."""

    def __init__(self) -> None:
        self.numbers = bytearray()
        self._decisions: list[tuple[NDArray[np.int32], Any, Any]] = []

    def counted(self, bits: Bools) -> None:
        """Decisions by the share that is true, whose count precedes them."""
        count = int(np.count_nonzero(bits))
        self.numbers += encode_varint(count)
        if 0 < count < bits.size:
            self._decisions.append((bits.astype(np.int32), _share(count, bits.size), None))

    def modelled(self, bits: Bools, shares: NDArray[np.float64]) -> None:
        """Decisions, each by a probability of its own."""
        self._decisions.append((bits.astype(np.int32), stream.model.Bernoulli(perfect=False), shares))

    def result(self) -> bytes:
        """Numbers, then little-endian words without the zeros at the end."""
        if not self._decisions:
            return bytes(self.numbers)
        coder = stream.stack.AnsCoder()
        coder.encode_reverse(_SEAL, stream.model.Uniform(_SEALS))
        # The coder is a stack: what goes in last comes out first.
        for bits, model, shares in reversed(self._decisions):
            coder.encode_reverse(bits, model, *([] if shares is None else [shares]))
        words: bytes = coder.get_compressed().astype("<u4").tobytes()
        return bytes(self.numbers) + words.rstrip(b"\0")


class Reader:
    """Decisions, in the order in which a writer was given them."""

    def __init__(self, words: bytes) -> None:
        if words.endswith(b"\0"):
            raise CodecError("mask: the coded bits end in a zero byte")
        whole = words + bytes(-len(words) % 4)
        self._coder = stream.stack.AnsCoder(np.frombuffer(whole, "<u4").astype(np.uint32))
        self._sealed = False

    def counted(self, count: int, size: int) -> Bools:
        """``size`` decisions of which ``count`` are true."""
        if count > size:
            raise CodecError(f"mask: {count} of {size} decisions are said to be true")
        if count in (0, size):
            return np.full(size, count == size)
        self._sealed = True
        bits: Bools = self._coder.decode(_share(count, size), size).astype(np.bool_)
        if int(np.count_nonzero(bits)) != count:
            raise CodecError(f"mask: {np.count_nonzero(bits)} of {size} decisions are true, not {count}")
        return bits

    def modelled(self, shares: NDArray[np.float64]) -> Bools:
        """Decisions, each by a probability of its own."""
        self._sealed = True
        bits: Bools = self._coder.decode(stream.model.Bernoulli(perfect=False), shares).astype(np.bool_)
        return bits

    def finish(self) -> None:
        """CodecError unless everything was read, and is what was written."""
        if self._sealed and self._coder.decode(stream.model.Uniform(_SEALS)) != _SEAL:
            raise CodecError("mask: coded bits do not end where they should")
        if not self._coder.is_empty():
            raise CodecError("mask: coded bits are left over")


def _share(count: int, size: int) -> Any:
    """The model of decisions of which ``count`` of ``size`` are true; neither is ever impossible."""
    share = min(max((count << _PRECISION) // size, 1), (1 << _PRECISION) - 1)
    return stream.model.Bernoulli(share / (1 << _PRECISION), perfect=False)
