"""Worker processes that answer messages: dealt as workers fall idle, replaced when they end, bounded in time.

One thread, one selector. The n-th reply belongs to the n-th message, whoever answered it and when.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterable

from flwr.app import Message

from fedprune.engines.answer import EngineError
from fedprune.engines.channel import FAILED, READY
from fedprune.engines.exchange import Exchange
from fedprune.engines.process import WorkerProcess
from fedprune.federation.flower.private import CRASHED, from_bytes, to_bytes
from fedprune.types import NodeConfig

STARTUP_SECONDS = 180.0
"""A worker that has not loaded its ClientApp by then counts as hung; torch from a cold disk takes long."""
FAILED_STARTS = 3
"""So many workers in a row that end before they are ready end the run: the next one would fare no better."""


class Pool:
    """Worker processes for one ClientApp; they start at the first exchange, or earlier with `start`."""

    def __init__(self, client_app: str, size: int, config: NodeConfig) -> None:
        self._client_app = client_app
        self._config = config
        self._size = size
        self._workers: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()
        self._failed_starts = 0

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers there are now."""
        return [worker.pid for worker in self._workers]

    def start(self) -> None:
        """Start the workers that are missing and return at once."""
        while len(self._workers) < self._size:
            worker = WorkerProcess(self._client_app, self._config)
            self._workers.append(worker)
            self._selector.register(worker.channel.socket, selectors.EVENT_READ, worker)

    def exchange(self, messages: Iterable[Message], nodes: int, timeout: float | None) -> list[Message]:
        """Have each message answered; one reply per message, in their order, errors included.

        Messages are taken from the iterable as workers fall idle, so making them overlaps with answering.
        Raises EngineError when the ClientApp does not load or workers do not start.
        """
        exchange = Exchange(messages, timeout)
        # A worker that died while idle must not be handed a message.
        self._kill([worker for worker in self._workers if worker.ready and not worker.alive])
        self.start()
        try:
            while True:
                self._deal(exchange, nodes)
                if exchange.complete:
                    return exchange.replies()
                self._wait(exchange)
        except BaseException:
            # No late reply of this exchange may reach the next one.
            self._kill(self._busy())
            raise

    def close(self) -> None:
        """End all workers, whatever they are doing; the pool may be used again."""
        self._kill(self._workers)

    def _deal(self, exchange: Exchange, nodes: int) -> None:
        for worker in self._workers:
            # One message at a time: a second in waiting saves nothing measurable, and unbalances long ones.
            if not worker.ready or worker.held is not None:
                continue
            exchange.start_clock()
            index = exchange.take()
            if index is None:
                return
            worker.held = index
            try:
                worker.channel.send(nodes, to_bytes(exchange.message(index)))
            except OSError:
                continue  # It has died, as the next wait will find.
            self._watch(worker)

    def _wait(self, exchange: Exchange) -> None:
        now = time.monotonic()
        limits = [worker.born + STARTUP_SECONDS for worker in self._workers if not worker.ready]
        if exchange.deadline is not None:
            limits.append(exchange.deadline)
        for key, _ in self._selector.select(max(0.0, min(limits) - now) if limits else None):
            self._serve(key.data, exchange)
        if exchange.expired:
            self._kill(self._busy())
            self.start()
            exchange.give_up()
        now = time.monotonic()
        for worker in [w for w in self._workers if not w.ready and now >= w.born + STARTUP_SECONDS]:
            worker.kill()
            self._lost(worker, exchange)

    def _serve(self, worker: WorkerProcess, exchange: Exchange) -> None:
        try:
            for tag, data in worker.channel.frames():
                if tag == READY:
                    worker.ready, self._failed_starts = True, 0
                elif tag == FAILED:
                    raise _unloadable(data.decode())
                else:
                    assert worker.held is not None
                    exchange.answer(worker.held, from_bytes(data))
                    worker.held = None
            worker.channel.flush()
            self._watch(worker)
        except (EOFError, OSError):
            self._lost(worker, exchange)

    def _watch(self, worker: WorkerProcess) -> None:
        """Be woken by what the worker sends, and by room in its socket while something waits for it."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.channel.unsent else 0)
        if self._selector.get_key(worker.channel.socket).events != events:
            self._selector.modify(worker.channel.socket, events, worker)

    def _lost(self, worker: WorkerProcess, exchange: Exchange) -> None:
        """A worker ended: the message it held fails, another worker starts."""
        how = self._bury(worker)
        if worker.held is not None:
            exchange.fail(worker.held, CRASHED, f"its worker process {how}")
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise EngineError(
                    f"client app '{self._client_app}': workers end while loading it; the last {how}"
                )
        self.start()

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker.held is not None]

    def _bury(self, worker: WorkerProcess) -> str:
        self._workers.remove(worker)
        self._selector.unregister(worker.channel.socket)
        return worker.end()

    def _kill(self, workers: list[WorkerProcess]) -> None:
        for worker in workers:
            worker.kill()  # All at once first: waiting for one must not delay the next.
        for worker in list(workers):
            self._bury(worker)


def _unloadable(report: str) -> EngineError:
    """The worker's account: one line for the user, and the worker's traceback as a note below ours."""
    line, _, trace = report.partition("\n")
    error = EngineError(line)
    error.add_note(trace)
    return error
