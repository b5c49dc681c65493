"""``LaneCrew``: workers that answer one message each at a time, and are replaced when they end.

A thread for each lane hands it the next message as soon as it is free, so no worker waits for the driver to
look. The threads only wait: for a message, or for bytes. One more looks every second how those at work do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Protocol

from fedprune.engines.crew import Crew, EndedError, EngineError, Job, LostError, NoRoomError
from fedprune.engines.vigil import LOOK_S, Vigil
from fedprune.types import Bounds

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
        ends, NoRoomError if it finds no place to start at."""

    def answer(self, request: bytes, nodes: int, bounds: Bounds) -> bytes:
        """The reply to one message. Raises LostError if the worker replies more than it may, EndedError if
        it ends."""

    def cpu_seconds(self, *, with_children: bool) -> float | None:
        """See ``Watched.cpu_seconds``; called from any thread."""

    def kill(self) -> None:
        """End it, from any thread, without waiting for it: ``answer`` and ``load`` raise LostError."""

    def end(self) -> None:
        """End it, wait for that, and free what it held here."""


class _Order(Job):
    """A job with its message, and, while it is at work, the lane and the watch over it."""

    def __init__(self, request: bytes, nodes: int, bounds: Bounds, retries: int) -> None:
        super().__init__()
        self.request, self.nodes, self.bounds = request, nodes, bounds
        self.retries = retries
        """How often it may still be done again when its worker ends."""
        self.lane: Lane | None = None
        self.verdict: LostError | None = None
        """Why its lane was ended, where that was done from here."""


class LaneCrew(Crew):
    """``lanes`` workers made by ``make``; they start at the first message, or earlier with ``start``.

    A message whose worker ends is done again by whichever lane is free next, ``retries`` times at most.
    """

    def __init__(self, make: Callable[[], Lane], lanes: int, retries: int = 0) -> None:
        self.lanes = lanes
        self._make, self._retries = make, retries
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        # What follows changes under that lock alone.
        self._there: list[Lane] = []
        self._ready: set[Lane] = set()
        self._vigils: dict[_Order, Vigil] = {}
        self._starting, self._starting_since, self._started_s = 0, 0.0, 0.0
        self._failed_starts = 0
        self._broken: EngineError | None = None
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """See ``Crew.pids``."""
        with self._changed:
            return [lane.pid for lane in self._there if lane.pid is not None]

    @property
    def starting_s(self) -> float:
        """See ``Crew.starting_s``."""
        with self._changed:
            under_way = time.monotonic() - self._starting_since if self._starting else 0.0
            return self._started_s + under_way

    def start(self) -> None:
        """See ``Crew.start``."""
        if not self._threads:
            self._begin(threading.Thread(target=self._watch, daemon=True))
        while len(self._threads) <= self.lanes:
            self._begin(threading.Thread(target=self._serve, args=(self._new(),), daemon=True))

    def wait(self) -> None:
        """See ``Crew.wait``."""
        self.start()
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._broken)
            if self._broken:
                raise self._broken

    def submit(self, request: bytes, nodes: int, bounds: Bounds) -> Job:
        """See ``Crew.submit``."""
        self.start()
        order = _Order(request, nodes, bounds, self._retries)
        self._orders.put(order)
        return order

    def give_up(self, job: Job) -> None:
        """See ``Crew.give_up``."""
        if job.cancel():
            return
        with self._changed:
            # Under the lock, or the lane might be at its next message by now.
            if isinstance(job, _Order):
                self._end(job, LostError("nobody waits for its reply any more"))

    def close(self) -> None:
        """See ``Crew.close``."""
        with self._changed:
            self._closed = True
            for lane in self._there:
                lane.kill()  # All at once first: waiting for one must not delay the next.
            self._changed.notify_all()
        for _ in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()

    def _end(self, order: _Order, why: LostError) -> None:
        """End the lane that works on the order, if one still does; nobody is to begin with it any more."""
        order.verdict = why
        if self._vigils.pop(order, None) and order.lane is not None:
            order.lane.kill()

    def _begin(self, thread: threading.Thread) -> None:
        self._threads.append(thread)
        thread.start()

    def _watch(self) -> None:
        """The thread that ends lanes which are late or hang."""
        with self._changed:
            while not self._closed:
                for order, vigil in list(self._vigils.items()):
                    if verdict := vigil.look():
                        self._end(order, verdict)
                self._changed.wait(min((vigil.due() for vigil in self._vigils.values()), default=LOOK_S))

    def _serve(self, lane: Lane | None) -> None:
        """A lane's thread: one message after the other, by this worker or one that takes its place."""
        lane = self._loaded(lane)
        while (order := self._orders.get()) is not None:
            # One that is to be done again runs already.
            if not order.running() and not order.set_running_or_notify_cancel():
                continue
            if order.verdict is not None:
                order.set_exception(order.verdict)
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
            order.lane, self._vigils[order] = lane, Vigil(lane, order.bounds)
            if order.bounds.seconds is not None:
                self._changed.notify_all()
        lost: LostError | None = None
        began = time.monotonic()
        try:
            reply = lane.answer(order.request, order.nodes, order.bounds)
        except LostError as error:
            lost = error
        order.seconds = time.monotonic() - began
        self._release(order)
        # One that is being ended must not be handed another message, even where it just answered.
        ended = lost is not None or order.verdict is not None
        if ended:
            self._bury(lane)
        after = self._new() if ended else lane
        if isinstance(lost, EndedError) and order.verdict is None and order.retries and after is not None:
            order.retries -= 1
            self._orders.put(order)
        elif lost is not None:
            order.set_exception(order.verdict or lost)
        else:
            order.set_result(reply)
        return self._loaded(after) if ended else lane

    def _release(self, order: _Order) -> None:
        with self._changed:
            order.lane = None
            self._vigils.pop(order, None)

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
        with self._counted_as_starting():
            return self._ready_in_time(lane)

    @contextmanager
    def _counted_as_starting(self) -> Iterator[None]:
        with self._changed:
            if not self._starting:
                self._starting_since = time.monotonic()
            self._starting += 1
        try:
            yield
        finally:
            with self._changed:
                self._starting -= 1
                if not self._starting:
                    self._started_s += time.monotonic() - self._starting_since

    def _ready_in_time(self, lane: Lane | None) -> Lane | None:
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
            if isinstance(error, NoRoomError) and self._ready:
                return
            self._failed_starts += 1
            too_many = self._failed_starts >= FAILED_STARTS
        if isinstance(error, NoRoomError):
            self._break(EngineError(str(error)))
        elif too_many:
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
