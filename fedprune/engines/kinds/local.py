"""Worker processes on this machine, one per usable core; with workers = 0, this very process."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from fedprune.engines.in_process import InProcess
from fedprune.engines.pool import Pool
from fedprune.federation.flower.private import Run, assign_id, become_server, client_of, empty_run, node_of
from fedprune.types import NodeConfig


def open_engine(
    *,
    client_app: str,
    nodes: int,
    config: NodeConfig | None = None,
    workers: int | None = None,
    timeout: float | None = None,
) -> LocalGrid:
    """The grid of `nodes` clients that run the ClientApp named ``module:attribute``; use it in a ``with``."""
    return LocalGrid(client_app=client_app, nodes=nodes, config=config, workers=workers, timeout=timeout)


class LocalGrid(Grid):
    """A Flower Grid whose clients are answered by worker processes of this machine.

    Client c is node `node_of(c)`. Workers start at the first message, or at `start`, and serve any number of
    runs until `close`: `set_run` begins another run, `resize` changes the number of clients. Replies come in
    the order of the messages, one for each; a client that raised, crashed or was late has one with an error.
    """

    def __init__(
        self,
        *,
        client_app: str,
        nodes: int,
        config: NodeConfig | None = None,
        workers: int | None = None,
        timeout: float | None = None,
    ) -> None:
        """Describe the grid; nothing starts yet.

        Args:
            client_app: ``module:attribute`` of the ClientApp, imported in the workers under this sys.path.
            nodes: number of clients.
            config: what every client's Context holds in its node_config, beside which client it is.
            workers: number of processes; None takes one per usable core, 0 runs clients in this process,
                where `timeout` can only be looked at between two messages.
            timeout: seconds for one `send_and_receive` at most, None for as long as it takes.
        """
        if workers is None:
            workers = usable_cores()
        self._crew: Pool | InProcess = (
            Pool(client_app, workers, config or {}) if workers else InProcess(client_app, config or {})
        )
        self._nodes = nodes
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._pushed: dict[str, Message] = {}
        self.set_run(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the workers now and return at once, so that their imports overlap with what comes next."""
        self._crew.start()

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        self._crew.close()

    def resize(self, nodes: int) -> None:
        """Change the number of clients; the workers stay."""
        self._nodes = nodes

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the workers there are now; none before the start, none for workers = 0."""
        return self._crew.pids

    def set_run(self, run: Run | int) -> None:
        """Begin a run, given as Flower's Run or by its id: messages made in this process belong to it."""
        self._run = empty_run(run) if isinstance(run, int) else run
        become_server(self._run.run_id)

    @property
    def run(self) -> Run:
        """The run begun last."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """The same as Flower's Message(...), which is to be preferred."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        """Node ids of all clients, in the order of the clients."""
        return list(range(node_of(0), node_of(self._nodes)))

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Take messages to be answered by `pull_messages`; their ids."""
        pushed = {message.metadata.message_id: message for message in self._addressed(messages)}
        self._pushed.update(pushed)
        return list(pushed)

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Have the pushed messages of these ids answered and wait for it; ids not pushed are passed over."""
        pulled = [self._pushed.pop(each) for each in message_ids if each in self._pushed]
        return self._exchange(pulled, None)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """The replies to these messages, in their order, within the shorter of `timeout` and the grid's own.

        Messages may be a generator: each is taken when a worker falls idle. Raises EngineError when the
        ClientApp does not load, ValueError for a message to a node that does not exist.
        """
        return self._exchange(self._addressed(messages), timeout)

    def _exchange(self, messages: Iterable[Message], timeout: float | None) -> list[Message]:
        limits = [limit for limit in (timeout, self._timeout) if limit is not None]
        replies = self._crew.exchange(messages, self._nodes, min(limits, default=None))
        for reply in replies:
            assign_id(reply, self._next_id())
        return replies

    def _addressed(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            if not 0 <= client_of(message.metadata.dst_node_id) < self._nodes:
                raise ValueError(
                    f"message to node {message.metadata.dst_node_id}, which is not in get_node_ids()"
                )
            assign_id(message, self._next_id())
            yield message

    def _next_id(self) -> str:
        # Of one length, so that a message's bytes on the wire do not depend on how many went before it.
        return f"{next(self._ids):016x}"


def usable_cores() -> int:
    """Cores this process may run on: the machine's, less what a scheduler or container keeps from it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
