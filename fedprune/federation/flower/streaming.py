"""What an engine's Grid can do beside Flower's own: hand back each reply as soon as it is there.

Apart from the conversations over it, so that an engine starts without loading what clients compute with.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flwr.app import Message
from flwr.serverapp import Grid

from fedprune.types import Bounds


@dataclass(frozen=True)
class Carried:
    """A reply, and what the transport carried for it."""

    reply: Message
    down: int
    """Bytes of the order that went down; 0 when it never went."""
    up: int
    """Bytes of the reply that came up; 0 when none did, and the grid says why in its place."""


class StreamingGrid(Grid):
    """A grid that takes messages as its clients fall idle and hands back each reply when it is there."""

    @abstractmethod
    def longest_first(self, clients: Sequence[int]) -> list[int]:
        """These clients in the order in which a round that asks them is over soonest, by what they took
        before."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """What a run's environment says of the machines that clients are on; nothing where that is this
        one."""

    @abstractmethod
    def answered(self) -> dict[str, int]:
        """Messages answered since this was last called, by machine; nothing where that is this one."""

    @abstractmethod
    def stream(
        self,
        messages: Iterable[Message | None],
        *,
        timeout: float | None = None,
        bounds: Bounds | None = None,
    ) -> Iterator[Carried]:
        """The replies to these messages in the order of their arrival, within ``timeout`` seconds in all and
        each within ``bounds``. None among the messages: there is nothing to send before the next reply."""
