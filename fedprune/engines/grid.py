"""``CrewGrid``: a Flower Grid whose clients are answered by a crew."""

from __future__ import annotations

import itertools
import logging
import math
import queue
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from flwr.app import Message, RecordDict

from fedprune.engines.crew import Crew, Engine, Job, LateError, LostError, check_size
from fedprune.engines.deadline import Deadline
from fedprune.engines.freed_memory import keep_freed_memory
from fedprune.federation.flower.private import (
    CRASHED,
    LATE,
    UNUSABLE,
    Run,
    assign_id,
    become_server,
    client_of,
    empty_run,
    error_reply,
    from_bytes,
    node_of,
    to_bytes,
)
from fedprune.federation.flower.streaming import Carried, StreamingGrid
from fedprune.runs.files import RunError
from fedprune.types import Bounds, NodeConfig

log = logging.getLogger("fedprune.engines")


def open_grid(
    engine: Engine,
    *,
    client_app: str,
    nodes: int,
    config: NodeConfig | None = None,
    timeout: float | None = None,
) -> CrewGrid:
    """The grid of ``nodes`` clients that run the ClientApp named ``module:attribute``; use it in a ``with``.

    Args:
        engine: where they run.
        client_app: imported where they run, under this process's sys.path.
        nodes: number of clients.
        config: what every client's Context holds in its node_config, beside which client it is.
        timeout: seconds for one exchange at most, None for as long as it takes.
    """
    keep_freed_memory()
    return CrewGrid(engine.open(client_app, config or {}), nodes, timeout)


class CrewGrid(StreamingGrid):
    """Client c is node ``node_of(c)``. Its crew starts at the first message, or at ``start``.

    It serves any number of runs until ``close``: ``set_run`` begins another run, ``resize`` changes the
    number of clients. A client that raised, crashed or was late has a reply with an error.
    """

    def __init__(self, crew: Crew, nodes: int, timeout: float | None = None) -> None:
        self._crew, self._nodes, self._timeout = crew, nodes, timeout
        self._ids = itertools.count(1)
        self._pushed: dict[str, _Sent] = {}
        self._seconds: dict[int, float] = {}
        """Client -> how long a worker was at work on its last answer."""
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
        """Process ids of the workers there are now; none before the start."""
        return self._crew.pids

    def longest_first(self, clients: Sequence[int]) -> list[int]:
        """These clients, those that took longest when they were last asked before the others.

        Whoever was never asked may take longest of all.
        """
        return sorted(clients, key=lambda client: -self._seconds.get(client, math.inf))

    def described(self) -> dict[str, Any]:
        """See ``Crew.described``."""
        return self._crew.described()

    def answered(self) -> dict[str, int]:
        """See ``Crew.answered``."""
        return self._crew.answered()

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

    def get_node_ids(self) -> Sequence[int]:
        """Node ids of all clients, in the order of the clients; no list of them, however many there are."""
        return range(node_of(0), node_of(self._nodes))

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Have messages answered from now on, without waiting; their ids, for ``pull_messages``."""
        pushed = {
            message.metadata.message_id: self._submit(message, Bounds(seconds=self._timeout))
            for message in self._addressed(messages)
            if message is not None
        }
        self._pushed.update(pushed)
        return list(pushed)

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """The replies to those of these pushed messages that are answered by now, each handed out once.

        Raises EngineError when the ClientApp does not load or workers do not start, RunError when a client
        cannot use the run's files.
        """
        there = [each for each in message_ids if each in self._pushed and self._pushed[each].job.done()]
        return [self._carried(self._pushed.pop(each)).reply for each in there]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """The replies to these messages, in their order, one for each; otherwise as ``stream``."""
        sent: list[Message] = []

        def noted() -> Iterator[Message]:
            for message in messages:
                sent.append(message)
                yield message

        carried = (each.reply for each in self.stream(noted(), timeout=timeout))
        replies = {reply.metadata.reply_to_message_id: reply for reply in carried}
        return [replies[message.metadata.message_id] for message in sent]

    def stream(
        self,
        messages: Iterable[Message | None],
        *,
        timeout: float | None = None,
        bounds: Bounds | None = None,
    ) -> Iterator[Carried]:
        """One reply to each of these messages as soon as it is there, late ones with an error at the end.

        Messages may be a generator: each is taken when a worker is about to fall idle, one ahead of those at
        work. What is unanswered when the caller stops is given up.

        Args:
            messages: what to send; None where there is nothing to send before the next reply.
            timeout: seconds for all of it at most; the grid's own limit holds as well.
            bounds: what each reply may take.

        Raises:
            EngineError: the ClientApp does not load, or workers do not start.
            RunError: a client cannot read or write the run's files, its own state above all.
            ValueError: a message is to a node that does not exist.
        """
        source = self._addressed(messages)
        done: queue.SimpleQueue[Future[bytes]] = queue.SimpleQueue()
        at_work: dict[Future[bytes], _Sent] = {}
        # Imports are not the clients' delay.
        self._crew.wait()
        limit = min((each for each in (timeout, self._timeout) if each is not None), default=None)
        bounds, deadline = bounds or Bounds(seconds=limit), Deadline(self._crew, limit)

        def send_more() -> None:
            while len(at_work) <= self._crew.lanes and deadline.left_s() > 0:
                message = next(source, None)
                if message is None:
                    return
                sent = self._submit(message, bounds)
                at_work[sent.job] = sent
                sent.job.add_done_callback(done.put)

        try:
            send_more()
            while at_work and (job := deadline.next_of(done)) is not None:
                sent = at_work.pop(job)
                send_more()
                yield self._carried(sent)
                # There may be something to send since then.
                send_more()
        finally:
            for sent in at_work.values():
                self._crew.give_up(sent.job)
        late = f"no reply within {limit or 0:g} s"
        for sent in at_work.values():
            yield Carried(self._failed(sent.message, LATE, late), sent.length, 0)
        for message in source:
            if message is None:
                return
            yield Carried(self._failed(message, LATE, late), 0, 0)

    def _submit(self, message: Message, bounds: Bounds) -> _Sent:
        data = to_bytes(message)
        return _Sent(message, len(data), bounds, self._crew.submit(data, self._nodes, bounds))

    def _carried(self, sent: _Sent) -> Carried:
        """What came of a message whose job is done. Raises EngineError, and RunError for the run's own
        files."""
        try:
            data = sent.job.result()
            check_size(len(data), sent.bounds)
        except LostError as error:
            code = LATE if isinstance(error, LateError) else CRASHED
            return Carried(self._failed(sent.message, code, str(error)), sent.length, 0)
        self._seconds[client_of(sent.message.metadata.dst_node_id)] = sent.job.seconds
        reply = from_bytes(data)
        if reply.has_error() and reply.error.code == UNUSABLE:
            # No client's failure: to go on without this one would change the results unnoticed.
            raise RunError(reply.error.reason or "no reason given")
        return Carried(self._arrived(sent.message, reply), sent.length, len(data))

    def _failed(self, message: Message, code: int, reason: str) -> Message:
        return self._arrived(message, error_reply(message, code, reason))

    def _arrived(self, message: Message, reply: Message) -> Message:
        assign_id(reply, self._next_id())
        if reply.has_error():
            client = client_of(message.metadata.dst_node_id)
            lines = (reply.error.reason or "").strip().splitlines() or ["no reason given"]
            # Whoever reads the reply tells the user.
            log.info("client %d failed: %s", client, lines[-1])
        return reply

    def _addressed(self, messages: Iterable[Message | None]) -> Iterator[Message | None]:
        for message in messages:
            if message is None:
                yield None
                continue
            if not 0 <= client_of(message.metadata.dst_node_id) < self._nodes:
                raise ValueError(
                    f"message to node {message.metadata.dst_node_id}, which is not in get_node_ids()"
                )
            assign_id(message, self._next_id())
            yield message

    def _next_id(self) -> str:
        # Of one length, so that a message's bytes on the wire do not depend on how many went before it.
        return f"{next(self._ids):016x}"


@dataclass(frozen=True)
class _Sent:
    """A message that the crew was handed, with its length in bytes."""

    message: Message
    length: int
    bounds: Bounds
    job: Job
