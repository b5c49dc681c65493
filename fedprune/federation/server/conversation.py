"""``Conversation``: one client in one round, as the server sees it. The order went out; the reply comes back
and is decoded and checked on its own, whatever became of the others."""

from __future__ import annotations

import dataclasses
import logging
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fedprune.aggregation import Update
from fedprune.federation.protocol.link import Link
from fedprune.federation.protocol.memory import ServerMemory
from fedprune.federation.protocol.messages import Report, read
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.types import Arrays, Shapes
from fedprune.wire.account import Bytes, measure
from fedprune.wire.codec import Decoded
from fedprune.wire.errors import CodecError

log = logging.getLogger("fedprune")

NORM_LIMIT = 1e6
"""Largest L2 norm of an array that is averaged: far above any trained network's, and a client whose training
explodes without reaching infinity would outweigh all others."""


@dataclass(frozen=True)
class Incoming:
    """What came back of an order: a blob, or the reason why there is none."""

    blob: bytes | None
    reason: str
    transported: int
    """Bytes that the transport was handed for it."""


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
    bytes_down: Bytes = field(default_factory=Bytes)
    accepted: Accepted | None = None
    refused: str = ""
    """Why a reply does not count, in one line; empty while none was refused."""
    refused_bytes: Bytes = field(default_factory=Bytes)
    told: dict[str, int] = field(default_factory=dict)
    """What was logged of the round's refusals: reason -> the first client refused for it. All conversations
    of a round share it, so that many clients with one trouble do not fill the screen."""

    @property
    def client(self) -> int:
        """Whose conversation it is."""
        return self.link.client

    def sent(self, transported: int) -> None:
        """Note that the transport was handed the order, in so many bytes."""
        self.bytes_down = measure(self.parts, transported)

    def take(self, reply: Incoming) -> None:
        """Decode and check what came back; only the first reply can count."""
        try:
            if self.accepted or self.refused:
                raise CodecError("a second reply to one message")
            self.accepted = self._checked(reply)
        except CodecError as error:
            # The end of a client's traceback says most.
            self.refused = str(error).rstrip().rpartition("\n")[2]
            self.refused_bytes += Bytes(overhead=reply.transported)
            first = self.told.setdefault(str(error), self.client)
            reason = error if first == self.client else f"the same as client {first}"
            log.error("round %d, client %d: %s", self.link.round, self.client, reason)

    def _checked(self, reply: Incoming) -> Accepted:
        if reply.blob is None:
            raise CodecError(reply.reason)
        report, parts = read(Report, reply.blob)
        self._check_report(report)
        decoded = self.link.receive_up(parts, self.expected, self.received)
        _check_norms(decoded.arrays)
        shared = self.link.after(self.received, decoded.mask, decoded.tracked)
        return Accepted(
            report=report,
            update=Update(report.client, report.samples, decoded.arrays, decoded.mask),
            alive=self._alive(report, decoded.mask),
            memory=ServerMemory(shared, self.residual),
            bytes_down=self.bytes_down,
            bytes_up=measure(parts, reply.transported),
        )

    def _check_report(self, report: Report) -> None:
        asked = (self.link.round, self.client)
        if (report.round, report.client) != asked:
            raise CodecError(
                f"reply of client {report.client} in round {report.round}, not {asked[1]} in {asked[0]}"
            )
        if report.samples != (own := len(self.link.experiment.partition.train(self.client))):
            raise CodecError(f"{report.samples} training samples, its partition has {own}")
        for item in dataclasses.fields(report):
            if "_score" in item.name:
                try:
                    self.link.experiment.score.check(item.name, getattr(report, item.name))
                except ValueError as error:
                    raise CodecError(str(error)) from None

    def _alive(self, report: Report, mask: Mask) -> list[int]:
        shapes = self.link.experiment.prunable
        if report.alive is None:
            return kept_counts(mask, shapes)
        sizes = kept_counts(Mask(), shapes)
        if len(report.alive) != len(sizes) or any(map(operator.gt, report.alive, sizes)):
            raise CodecError(f"kept weights {report.alive}, the model has {sizes}")
        return report.alive


def _check_norms(arrays: Arrays) -> None:
    for name, value in arrays.items():
        # Most are far from the limit, as their largest magnitude tells in a fraction of the time.
        if value.size * max(float(value.max(initial=0)), -float(value.min(initial=0))) ** 2 < NORM_LIMIT**2:
            continue
        # Not numpy's norm, which is a product of BLAS and fights for the cores where that has threads.
        norm = math.sqrt(np.square(value, dtype=np.float64).sum())
        if norm > NORM_LIMIT:
            raise CodecError(
                f"{name}: its norm is {norm:.3g}, more than {NORM_LIMIT:g}: did training explode?"
            )
