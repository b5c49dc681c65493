"""The messages of one exchange between server and clients: which wait, which are out, which are answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from flwr.app import Message

from fedprune.federation.flower.private import LATE, client_of, error_reply

log = logging.getLogger("fedprune.engines")


class Exchange:
    """The messages of one exchange: where each stands, by its index in the order sent."""

    def __init__(self, messages: Iterable[Message], timeout: float | None) -> None:
        self._source = iter(messages)
        self._sent: list[Message] = []
        self._replies: dict[int, Message] = {}
        self._exhausted = False
        self._timeout = timeout
        self.deadline: float | None = None

    @property
    def complete(self) -> bool:
        """Whether every message has its reply."""
        return self._exhausted and len(self._replies) == len(self._sent)

    def start_clock(self) -> None:
        """Start the timeout, at the first worker's readiness: imports are not the clients' delay."""
        if self.deadline is None and self._timeout is not None:
            self.deadline = time.monotonic() + self._timeout

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def take(self) -> int | None:
        """The index of the next message to hand out, None when none is left."""
        message = next(self._source, None)
        if message is None:
            self._exhausted = True
            return None
        self._sent.append(message)
        return len(self._sent) - 1

    def message(self, index: int) -> Message:
        """The message of that index."""
        return self._sent[index]

    def answer(self, index: int, reply: Message) -> None:
        """Keep a message's reply; a failed client is logged here, whatever failed it."""
        self._replies[index] = reply
        if reply.has_error():
            client = client_of(self._sent[index].metadata.dst_node_id)
            lines = (reply.error.reason or "").strip().splitlines() or ["no reason given"]
            log.warning("client %d failed: %s", client, lines[-1])

    def fail(self, index: int, code: int, reason: str) -> None:
        """Answer a message with an error."""
        self.answer(index, error_reply(self._sent[index], code, reason))

    def give_up(self) -> None:
        """Answer everything unanswered, handed out or not, as late."""
        while self.take() is not None:
            pass
        for index in range(len(self._sent)):
            if index not in self._replies:
                self.fail(index, LATE, f"no reply within {self._timeout:g} s")

    def replies(self) -> list[Message]:
        """All replies, in the order of their messages."""
        return [self._replies[index] for index in range(len(self._sent))]
