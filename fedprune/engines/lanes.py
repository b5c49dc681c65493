"""``LaneCrew``: workers that answer one message each at a time, and are replaced when they end.

A thread for each lane hands it the next message as soon as it is free, so no worker waits for the driver to
look. The threads only wait: for a message, or for bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from fedprune.engines.crew import Crew, EngineError, Job, LostError

FAILED_STARTS = 3
"""So many workers in a row that end before they are ready end the run: the next one would fare no better."""


class Lane(Protocol):
    """One worker. It is started when it is made, and used by one thread, except for ``kill``."""

    @property
    def pid(self) -> int | None:
        """Its process id, where it is a process of this machine."""

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as far as can be told at once."""

    def load(self) -> None:
        """Wait until the ClientApp is loaded. Raises EngineError if it does not load, LostError if the worker
        ends."""

    def answer(self, request: bytes, nodes: int) -> bytes:
        """The reply to one message. Raises LostError if the worker ends."""

    def kill(self) -> None:
        """End it, from any thread, without waiting for it: ``answer`` and ``load`` raise LostError."""

    def end(self) -> None:
        """End it, wait for that, and free what it held here."""


class _Order(Job):
    """A job with its message, and the lane that works on it."""

    def __init__(self, request: bytes, nodes: int) -> None:
        super().__init__()
        self.request, self.nodes = request, nodes
        self.lane: Lane | None = None


class LaneCrew(Crew):
    """``lanes`` workers made by ``make``; they start at the first message, or earlier with ``start``."""

    def __init__(self, make: Callable[[], Lane], lanes: int) -> None:
        self.lanes = lanes
        self._make = make
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        # What follows changes under that lock alone.
        self._there: list[Lane] = []
        self._ready: set[Lane] = set()
        self._failed_starts = 0
        self._broken: EngineError | None = None
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """See ``Crew.pids``."""
        with self._changed:
            return [lane.pid for lane in self._there if lane.pid is not None]

    def start(self) -> None:
        """See ``Crew.start``."""
        while len(self._threads) < self.lanes:
            lane = self._new()
            thread = threading.Thread(target=self._serve, args=(lane,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self) -> None:
        """See ``Crew.wait``."""
        self.start()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._broken)
            if self._broken:
                raise self._broken

    def submit(self, request: bytes, nodes: int) -> Job:
        """See ``Crew.submit``."""
        self.start()
        order = _Order(request, nodes)
        self._orders.put(order)
        return order

    def give_up(self, job: Job) -> None:
        """See ``Crew.give_up``."""
        if job.cancel():
            return
        with self._changed:
            # Under the lock, or the lane might be at its next message by now.
            if isinstance(job, _Order) and job.lane is not None:
                job.lane.kill()

    def close(self) -> None:
        """See ``Crew.close``."""
        with self._changed:
            self._closed = True
            for lane in self._there:
                lane.kill()  # All at once first: waiting for one must not delay the next.
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self, lane: Lane | None) -> None:
        """A lane's thread: one message after the other, by this worker or one that takes its place."""
        lane = self._loaded(lane)
        while (order := self._orders.get()) is not None:
            if not order.set_running_or_notify_cancel():
                continue
            if lane is not None and not lane.alive:
                # A worker that died while idle must not be handed a message.
                self._bury(lane)
                lane = self._loaded(self._new())
            if lane is None:
                order.set_exception(self._broken or LostError("the engine was closed"))
                continue
            lane = self._have_answered(order, lane)
        if lane is not None:
            self._bury(lane)

    def _have_answered(self, order: _Order, lane: Lane) -> Lane | None:
        """Set the order's result; the lane that is there then."""
        with self._changed:
            order.lane = lane
        try:
            reply = lane.answer(order.request, order.nodes)
        except LostError as error:
            self._release(order)
            self._bury(lane)
            successor = self._new()
            order.set_exception(error)
            return self._loaded(successor)
        self._release(order)
        order.set_result(reply)
        return lane

    def _release(self, order: _Order) -> None:
        with self._changed:
            order.lane = None

    def _new(self) -> Lane | None:
        """Another lane, which starts; None once the crew is closed."""
        with self._changed:
            if self._closed or self._broken:
                return None
            lane = self._make()
            self._there.append(lane)
            return lane

    def _loaded(self, lane: Lane | None) -> Lane | None:
        """The lane, or one in its place, when it is ready; None when there will be none."""
        while lane is not None:
            try:
                lane.load()
            except EngineError as error:
                self._break(error)
            except LostError as error:
                self._count_failed_start(error)
            else:
                with self._changed:
                    self._failed_starts = 0
                    self._ready.add(lane)
                    self._changed.notify_all()
                return lane
            self._bury(lane)
            lane = self._new()
        return None

    def _count_failed_start(self, error: LostError) -> None:
        with self._changed:
            self._failed_starts += 1
            too_many = self._failed_starts >= FAILED_STARTS
        if too_many:
            self._break(EngineError(f"workers end while they load the client app; the last: {error}"))

    def _break(self, error: EngineError) -> None:
        with self._changed:
            self._broken = self._broken or error
            self._changed.notify_all()

    def _bury(self, lane: Lane) -> None:
        with self._changed:
            self._there.remove(lane)
            self._ready.discard(lane)
        lane.end()
