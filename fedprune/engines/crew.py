"""The contract of an engine: what answers messages, given as bytes, wherever that happens.

An engine is a frozen dataclass in one file under ``engines/crews/``. Its fields are the keys that it adds to
``[engine]``; its one method opens a crew. A crew whose workers each do one thing at a time is a ``LaneCrew``
(``engines/lanes.py``) and only has to say what one lane is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import Future
from typing import Any, Protocol

from fedprune.types import Bounds, NodeConfig, UserError


class Job(Future[bytes]):
    """One message at work or in waiting: its result is the reply's bytes, or LostError, or EngineError."""

    seconds = 0.0
    """How long a worker was at work on it, once that is known."""


class EngineError(UserError):
    """The engine cannot run clients at all: the ClientApp does not load, or its workers do not start."""


class LostError(Exception):
    """What held a message ended before it answered; the text says how, for people."""


class EndedError(LostError):
    """What held a message ended for reasons of its own: another worker may well answer it."""


class NoRoomError(LostError):
    """There is no place for a worker at the moment; those that are there work on."""


class LateError(LostError):
    """A message was not answered in the seconds that it had, and what worked on it was ended."""


def check_size(length: int, bounds: Bounds) -> None:
    """Raises LostError when a reply of so many bytes is longer than it may be."""
    if bounds.reply_bytes is not None and length > bounds.reply_bytes:
        raise LostError(f"its reply has {length} bytes, at most {bounds.reply_bytes} are expected")


class Crew(ABC):
    """Answers messages of one ClientApp until it is closed."""

    lanes: int
    """Messages that it works on at the same time."""

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that there are now, as far as they are processes of this machine."""
        return []

    def described(self) -> dict[str, Any]:
        """What a run's environment says of the machines, JSON-able; nothing where there is only this one.

        It may wait for them. Raises EngineError when that is in vain.
        """
        return {}

    def answered(self) -> dict[str, int]:
        """Messages answered since this was last called, by the machine that did; nothing as ``described``."""
        return {}

    @property
    def starting_s(self) -> float:
        """Seconds so far in which any worker was starting: no client can be blamed for them."""
        return 0.0

    @abstractmethod
    def start(self) -> None:
        """Begin to start whatever is to start, and return at once."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until a message would be worked on at once. Raises EngineError when that cannot be."""

    @abstractmethod
    def submit(self, request: bytes, nodes: int, bounds: Bounds) -> Job:
        """Have a message answered, after those submitted before it.

        Args:
            request: the message as protobuf bytes.
            nodes: the number of clients in the federation, which a client is told.
            bounds: what the reply may take. A crew that cannot cut a message short lets it take longer.

        Returns:
            The job. It fails with LateError when its time was up, with LostError when its worker ended, hung
            or replied too much, with EngineError when there are none.
        """

    def give_up(self, job: Job) -> None:
        """End a job whose answer nobody wants any more, with whatever works on it if that cannot stop."""
        job.cancel()

    @abstractmethod
    def close(self) -> None:
        """End everything that was started, whatever it is doing."""


class Engine(Protocol):
    """What an engine's dataclass has."""

    def open(self, client_app: str, config: NodeConfig) -> Crew:
        """A crew that answers for the ClientApp ``module:attribute``.

        ``config`` is what each client's Context holds in its node_config, beside which client it is.
        """
