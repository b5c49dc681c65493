"""The account of a Flower app's messages: values, mask, side information and overhead of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from flwr.app import Array, Message

from fedprune.federation.flower.private import wire_size
from fedprune.flower.coding import blobs
from fedprune.flower.order import Order
from fedprune.types import Way
from fedprune.wire.account import Bytes, measure
from fedprune.wire.codec import PARTS
from fedprune.wire.errors import CodecError
from fedprune.wire.frame import unpack


@dataclass(frozen=True)
class Counted:
    """One message that travelled; ``round``, ``node`` and ``kind`` are its order's, see ``Order``."""

    round: str
    node: int
    kind: str
    way: Way
    bytes: Bytes


@dataclass
class Account:
    """The bytes of all messages so far, in the order in which they were counted."""

    messages: list[Counted] = field(default_factory=list)

    def add(self, way: Way, order: Order, message: Message) -> Bytes:
        """Count ``message``: the one that ``order`` is of on the way down, its reply on the way up."""
        counted = split(message, with_id=way == "down")
        self.messages.append(Counted(order.round, order.node, order.kind, way, counted))
        return counted

    def by(self, *names: str) -> dict[tuple[object, ...], Bytes]:
        """The bytes added up by fields of ``Counted``: ``by("round", "way")``; ``by()[()]`` is their sum."""
        sums: dict[tuple[object, ...], Bytes] = {}
        for each in self.messages:
            key = tuple(getattr(each, name) for name in names)
            sums[key] = sums.get(key, Bytes()) + each.bytes
        return sums


def split(message: Message, *, with_id: bool) -> Bytes:
    """The bytes of a message's protobuf form; a reply's id is given to it on arrival and does not travel.

    The numbers of arrays are values, or mask where they are bools; a codec's blobs have their own account.
    All else is overhead: names, shapes, dtypes, the headers of arrays, metrics, settings, the envelope.
    """
    parts = Bytes()
    if message.has_content():
        for record in message.content.array_records.values():
            parts = sum(map(_numbers, record.values()), parts)
        for blob in blobs(message.content).values():
            parts += _coded(blob)
    named = parts.total - parts.overhead
    return replace(parts, overhead=wire_size(message, with_id=with_id) - named)


def _numbers(array: Array) -> Bytes:
    """The numbers in an array: of a numpy file what follows its header, whose length bytes 8 and 9 tell."""
    header = 10 + int.from_bytes(array.data[8:10], "little") if array.stype == "numpy.ndarray" else 0
    length = max(0, len(array.data) - header)
    return Bytes(mask=length) if array.dtype == "bool" else Bytes(values=length)


def _coded(blob: bytes) -> Bytes:
    """The parts of a codec's blob; one that is none, from a faulty client, is overhead."""
    try:
        return measure(unpack(blob, PARTS, len(blob)), len(blob))
    except CodecError:
        return Bytes()
