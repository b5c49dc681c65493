"""Grids that hand back replies as they come, and how any other grid of Flower's is made to do so."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator

from flwr.app import Message
from flwr.serverapp import Grid

POLL_S = 0.1
"""Seconds between two looks for replies on a grid that cannot say when they come."""


class StreamingGrid(Grid):
    """A grid that takes messages as its clients fall idle and hands back each reply when it is there."""

    @abstractmethod
    def stream(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterator[Message]:
        """The replies to these messages in the order of their arrival, within ``timeout`` seconds."""


def replies(grid: Grid, messages: Iterable[Message], timeout: float | None) -> Iterator[Message]:
    """The replies to these messages as they come, on any grid; those that are not there in time are left out.

    A grid of Flower's own gets each message as soon as it is made and is then asked again and again.
    """
    if isinstance(grid, StreamingGrid):
        yield from grid.stream(messages, timeout=timeout)
        return
    waiting: set[str] = set()
    for message in messages:
        waiting.update(grid.push_messages([message]))
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    while waiting:
        found = list(grid.pull_messages(waiting))
        waiting.difference_update(reply.metadata.reply_to_message_id for reply in found)
        yield from found
        if time.monotonic() >= deadline:
            return
        if waiting and not found:
            time.sleep(POLL_S)
