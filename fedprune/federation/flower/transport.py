"""Conversations over a Flower grid: orders as messages, replies handed back as they come."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from weakref import WeakValueDictionary

from flwr.app import Message
from flwr.serverapp import Grid

from fedprune.federation.flower.keys import KEY, RECORD, content
from fedprune.federation.flower.private import wire_size
from fedprune.federation.flower.streaming import Carried, StreamingGrid
from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.types import Bounds

POLL_S = 0.1
"""Seconds between two looks for replies on a grid that cannot say when they come."""

log = logging.getLogger("fedprune")


@dataclass(frozen=True)
class Limits:
    """What an exchange may take."""

    timeout: float | None = None
    """Seconds for all of it; None for as long as it takes."""
    each: Bounds = field(default_factory=Bounds)
    """What each reply may take. One of Flower's grids does not say when work on an order begins, nor how
    long a reply is before it is there: on such a grid ``seconds`` bound how long no reply comes at all."""
    at_once: int | None = None
    """The most orders under way on one of Flower's grids, None for all."""


class Envelopes:
    """The messages of an exchange and whose they are: a reply finds its conversation by its message's id."""

    def __init__(self, nodes: Sequence[int]) -> None:
        """``nodes`` are the clients' node ids, in the order of the clients."""
        self._nodes = nodes
        self._without_id: list[tuple[Message, Conversation]] = []
        # Whoever asked holds the conversations, and drops those that are over where there are many.
        self._by_id: WeakValueDictionary[str, Conversation] = WeakValueDictionary()

    def seal(self, conversation: Conversation) -> Message:
        """A conversation's order as a message, which gets its id from the grid that takes it."""
        message = Message(
            content(conversation.order),
            dst_node_id=self._nodes[conversation.client],
            message_type="train",
            group_id=str(conversation.link.round),
        )
        self._without_id.append((message, conversation))
        return message

    def opened(
        self, reply: Message, carried: Carried | None = None
    ) -> Iterator[tuple[Conversation, Incoming]]:
        """What a reply says, and in which conversation; nothing when nobody asked for it.

        ``carried`` says what the transport carried, where it can tell; else the messages' own lengths count.
        """
        self._note_ids()
        conversation = self._by_id.get(reply.metadata.reply_to_message_id)
        if conversation is None:
            log.warning(
                "passing over a reply that nobody asked for, from node %d", reply.metadata.src_node_id
            )
            return
        if carried is not None:
            conversation.sent(carried.down)
        yield (
            conversation,
            _incoming(reply, wire_size(reply, with_id=False) if carried is None else carried.up),
        )

    def unanswered(self) -> Iterator[tuple[Conversation, Incoming]]:
        """Each conversation that nothing came of."""
        self._note_ids()
        for conversation in list(self._by_id.values()):
            if not (conversation.accepted or conversation.refused):
                yield conversation, Incoming(None, "no reply in time", 0, "late")

    def _note_ids(self) -> None:
        """A message has its id, and so its length, only once a grid has taken it."""
        for message, conversation in self._without_id:
            self._by_id[message.metadata.message_id] = conversation
            conversation.sent(wire_size(message))
        self._without_id.clear()


def exchange(
    grid: Grid, nodes: Sequence[int], conversations: Iterable[Conversation | None], limits: Limits
) -> Generator[tuple[Conversation, Incoming], None, None]:
    """What comes of each conversation, as it comes, on any grid.

    Args:
        grid: what carries messages. One of Flower's own gets each order as soon as it is made.
        nodes: the clients' node ids, in the order of the clients.
        conversations: may be a generator; on a grid of ours an order is made when a client is about to fall
            idle. None in it says that there is no order to make before the next reply.
        limits: what it may take. What is unanswered then comes last, with that reason.
    """
    envelopes = Envelopes(nodes)
    messages = (None if each is None else envelopes.seal(each) for each in conversations)
    if isinstance(grid, StreamingGrid):
        for carried in grid.stream(messages, timeout=limits.timeout, bounds=limits.each):
            yield from envelopes.opened(carried.reply, carried)
    else:
        for reply in _polled(grid, messages, limits):
            yield from envelopes.opened(reply)
    yield from envelopes.unanswered()


def _polled(grid: Grid, messages: Iterator[Message | None], limits: Limits) -> Iterator[Message]:
    """The replies on a grid of Flower's, as they come."""
    waiting: set[str] = set()
    end = time.monotonic() + _or_ever(limits.timeout)
    quiet_end = time.monotonic() + _or_ever(limits.each.seconds)
    while True:
        late = time.monotonic() >= min(end, quiet_end)
        more = None if late or limits.at_once is None else limits.at_once - len(waiting)
        for message in islice(messages, more):
            if message is None:
                break
            # None in place of an id: no node takes it, as one that was unregistered.
            waiting.update(each for each in grid.push_messages([message]) if each)
        if not waiting:
            return
        found = list(grid.pull_messages(waiting))
        waiting.difference_update(reply.metadata.reply_to_message_id for reply in found)
        yield from found
        if late:
            return
        if found:
            quiet_end = time.monotonic() + _or_ever(limits.each.seconds)
        elif waiting:
            time.sleep(POLL_S)


def _or_ever(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _incoming(reply: Message, transported: int) -> Incoming:
    if reply.has_error():
        return Incoming(None, reply.error.reason or "no reason given", transported)
    record = reply.content.config_records.get(RECORD)
    blob = record.get(KEY) if record is not None else None
    if not isinstance(blob, bytes):
        return Incoming(None, "a reply without a blob", transported)
    return Incoming(blob, "", transported)
