"""``Conversation``: one client in one round, as the server sees it. The order went out; the reply comes back
and is decoded and checked on its own, whatever became of the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from fedprune.aggregation import Update
from fedprune.clocks import Rates
from fedprune.federation.protocol.link import Link
from fedprune.federation.protocol.memory import ServerMemory
from fedprune.federation.protocol.messages import Report, read, reply_limit
from fedprune.federation.server import claims
from fedprune.types import Arrays, Shapes, printable_lines
from fedprune.wire.account import Bytes, measure
from fedprune.wire.codec import Decoded
from fedprune.wire.errors import CodecError

log = logging.getLogger("fedprune")


Fate = Literal["dropped", "late", "crashed", "refused"]
"""What became of a client whose reply does not count: it was never heard of; its reply was not there in time;
it, or its worker, failed; or what it sent was refused."""


@dataclass(frozen=True)
class Incoming:
    """What came back of an order: a blob, or the reason why there is none."""

    blob: bytes | None
    reason: str
    transported: int
    """Bytes that the transport was handed for it."""
    fate: Fate = "crashed"
    """What became of the client, where there is no blob."""


@dataclass(frozen=True)
class Accepted:
    """A reply that passed every check."""

    report: Report
    update: Update
    alive: list[int]
    """Kept coordinates of each prunable parameter, in order."""
    memory: ServerMemory
    """What the server keeps of the client if the round counts."""
    bytes_down: Bytes
    bytes_up: Bytes
    seconds: float | None = None
    """Simulated seconds from order to reply, see ``fedprune.clocks``; None without a simulated clock."""


@dataclass
class Conversation:
    """An order, what both sides hold once the client has decoded it, and what came back."""

    link: Link
    order: bytes
    """The order as handed to the transport."""
    parts: Mapping[str, bytes]
    """The parts of its payload, for the account of bytes."""
    received: Decoded
    """What the client holds of the order; its mask alone where a reply is read without the rest."""
    residual: Arrays
    """What the client did not get of this order and those before it."""
    expected: Shapes
    """The arrays that a reply carries."""
    payload: Arrays = field(default_factory=dict)
    """The arrays of the order as the strategy gave them, before they were encoded."""
    bytes_down: Bytes = field(default_factory=Bytes)
    accepted: Accepted | None = None
    refused: str = ""
    """Why a reply does not count, in one line; empty while none was refused."""
    fate: Fate = "refused"
    """What became of the client where ``refused`` says anything."""
    refused_bytes: Bytes = field(default_factory=Bytes)
    training: bool = True
    """Whether the order is one of a round, rather than of the evaluation at the end."""
    told: dict[str, int] = field(default_factory=dict)
    """What was logged of the round's refusals: reason -> the first client refused for it. All conversations
    of a round share it, so that many clients with one trouble do not fill the screen."""
    rates: Rates | None = None
    """How fast the client is in this round; None without a simulated clock."""

    @property
    def client(self) -> int:
        """Whose conversation it is."""
        return self.link.client

    def sent(self, transported: int) -> None:
        """Note that the transport was handed the order, in so many bytes; 0 when it never was."""
        self.bytes_down = measure(self.parts, transported) if transported else Bytes()

    def take(self, reply: Incoming) -> None:
        """Decode and check what came back; only the first reply can count."""
        try:
            if self.accepted or self.refused:
                raise CodecError("a second reply to one message")
            self.accepted = self._checked(reply)
        except CodecError as error:
            self.fate = "refused" if reply.blob is not None else reply.fate
            self._refuse(str(error), reply.transported)

    def withdraw(self, reason: str, fate: Fate = "refused") -> None:
        """Let a reply that was accepted on its own not count."""
        self.fate = fate
        assert self.accepted is not None
        transported, self.accepted = self.accepted.bytes_up.total, None
        self._refuse(reason, transported)

    def _refuse(self, reason: str, transported: int) -> None:
        """Let what came back count for nothing; ``transported`` bytes moved all the same."""
        reason = printable_lines(reason)
        # The end of a client's traceback says most.
        self.refused = reason.rstrip().rpartition("\n")[2]
        self.refused_bytes += Bytes(overhead=transported)
        first = self.told.setdefault(reason, self.client)
        told = reason if first == self.client else f"the same as client {first}"
        when = f"round {self.link.round}" if self.training else "final evaluation"
        log.error("%s, client %d: %s", when, self.client, told)

    def _checked(self, reply: Incoming) -> Accepted:
        if reply.blob is None:
            raise CodecError(reply.reason)
        report, parts = read(Report, reply.blob, reply_limit(self.expected))
        if not self.training and parts:
            raise CodecError(f"{min(parts)}: nothing but a report travels at the end")
        if self.training and report.personal is not None:
            raise CodecError("personal: models after the last round, in a round of training")
        claims.check_report(report, self.link)
        claims.check_work(report, asked=self.rates is not None)
        decoded = self.link.receive_up(parts, self.expected, self.received)
        claims.check_variances(decoded.arrays)
        shared = self.link.after(self.received, decoded.mask, decoded.next_mask, decoded.tracked)
        claims.check_kept(report, self.link.experiment, shared, training=self.training)
        return Accepted(
            report=report,
            update=Update(report.client, report.samples, decoded.arrays, decoded.mask),
            alive=claims.alive(report, self.link.experiment, decoded.mask, training=self.training),
            memory=ServerMemory(shared, self.residual),
            bytes_down=self.bytes_down,
            bytes_up=measure(parts, reply.transported),
            seconds=self._seconds(report, len(reply.blob)),
        )

    def _seconds(self, report: Report, bytes_up: int) -> float | None:
        if self.rates is None or report.training_multiply_adds is None:
            return None
        # Not what the transport was handed: its envelope differs from one engine to another.
        return self.rates.seconds(report.training_multiply_adds, len(self.order), bytes_up)
