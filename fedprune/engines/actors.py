"""Actors of a Ray cluster as the driver sees them: lanes that answer over a socket, or by remote calls.

Ray places actors, tells when one ends, and carries what many of them need. Where an actor cannot reach the
driver's socket, Ray carries orders and replies too, more slowly. Ray itself is handed in: only the engine's
own file imports it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import socket
import threading
import time
from collections import Counter
from functools import partial
from typing import Any, Protocol

from fedprune.engines.baggage import packed
from fedprune.engines.channel import receive_frame, send_frame
from fedprune.engines.common_part import CommonPart, Parcel
from fedprune.engines.crew import EndedError, EngineError, NoRoomError, check_size
from fedprune.engines.meeting import Meeting
from fedprune.engines.process import STARTUP_SECONDS
from fedprune.engines.remote_state import Ask, StateService
from fedprune.engines.remote_worker import WATCH, Loaded, RemoteWorker
from fedprune.runs.environment import environment
from fedprune.types import Bounds, NodeConfig

_LOOK_S = 5.0
"""Seconds between two looks whether an actor that is waited for was killed from here."""

log = logging.getLogger("fedprune.engines")


class InActor(Protocol):
    """What a process of the cluster can do by Ray; it travels to the actors."""

    def node(self) -> str:
        """The id of the node of the process that calls this."""

    def ask(self, actor: Any, method: str, *arguments: Any) -> Any:
        """What a method of another actor returns."""


class Actors:
    """What all actors of a crew share on a cluster that is connected to."""

    def __init__(self, ray: Any, inside: InActor, cpus: float, gpus: float, host: str | None) -> None:
        """``cpus`` and ``gpus`` are what Ray sets apart for each; ``host`` is the address by which they reach
        this machine, None where they do not."""
        self._host = host
        self.ray, self.inside, self.cpus, self.gpus = ray, inside, cpus, gpus
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": 0}
        self.worker = ray.remote(**options, concurrency_groups={WATCH: 2})(RemoteWorker)
        self.common = CommonPart(ray.put)
        self.by_socket = False
        """Whether any of them answers over a socket."""
        self.numbers = itertools.count(1)
        self.here = inside.node()
        self.driver = environment()
        self.ask: Ask | None = None
        """Reaches the service that keeps clients' state, where there is one."""
        self.baggage: Any = None
        """What stands for a ``Baggage`` in the object store."""
        self._answered: Counter[str] = Counter()
        self._nodes: dict[str, str] = {}
        """Id of a node -> what people are told that it is called."""
        self._service: Any = None
        self._lock = threading.Lock()

    def bring(self, config: NodeConfig) -> None:
        """Have each node that an actor is started on given what it needs of this machine."""
        # Late: a scenario that names this engine is read without Flower.
        from fedprune.federation.flower.keys import CONTENT, MODULES, PLUGINS

        needed = (str(config.get(key, "")) for key in (PLUGINS, MODULES, CONTENT))
        self.baggage = self.ray.put(packed(*needed))

    def keep_state(self, config: NodeConfig) -> None:
        """Have a service on this node keep clients' state, where its configuration has the runs."""
        here = self.ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(self.here, soft=False)
        # It holds nothing but what is on the disk, and all that it does can be done twice.
        restarts = {"max_restarts": -1, "max_task_retries": -1}
        made = self.ray.remote(StateService).options(num_cpus=0, scheduling_strategy=here, **restarts)
        self._service = made.remote(config)
        self.ask = partial(self.inside.ask, self._service)

    def meeting(self) -> Meeting | None:
        """Where another actor is expected; None where none can be."""
        try:
            return None if self._host is None else Meeting(self._host)
        except OSError:
            return None

    def count(self, node: str) -> None:
        """Note that an actor of the node answered a message."""
        with self._lock:
            self._answered[self._nodes.setdefault(node, f"node {1 + len(self._nodes)}")] += 1

    def answered(self) -> dict[str, int]:
        """Node -> messages that its actors answered since this was last called."""
        with self._lock:
            taken, self._answered = self._answered, Counter()
        return dict(sorted(taken.items()))

    def described(self) -> dict[str, Any]:
        """Ray's version, what carries orders and replies, and the nodes that there are. No names of hosts."""
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        shown = [{"cpus": node.get("CPU", 0.0), "gpus": node.get("GPU", 0.0)} for node in nodes]
        transport = "sockets" if self.by_socket else "ray"
        return {"version": self.ray.__version__, "transport": transport, "nodes": shown}

    def give_up(self, number: int) -> None:
        """Let nothing that this worker may still do change the clients' state."""
        if self._service is not None:
            with contextlib.suppress(self.ray.exceptions.RayError):
                self.ray.get(self._service.end.remote(number), timeout=_LOOK_S)

    def close(self) -> None:
        """End the service that keeps clients' state, where there is one."""
        if self._service is not None:
            self.ray.kill(self._service)


class ActorLane:
    """A ``Lane`` whose worker is an actor that was started for it."""

    def __init__(self, actors: Actors, client_app: str, config: NodeConfig) -> None:
        self._actors, self._ray = actors, actors.ray
        self._number = next(actors.numbers)
        self._handle = actors.worker.remote(self._number, client_app, config, actors.ask)
        self._meeting = actors.meeting()
        place = self._meeting and self._meeting.place
        self._loading = self._handle.load.remote(actors.driver, actors.inside.node, actors.baggage, place)
        self._channel: socket.socket | None = None
        self._ending: Any = None
        self._held: Any = None
        self._asked: Any = None
        self._used = (0.0, 0.0)
        self._node = ""
        self._killed = False
        self.pid: int | None = None

    @property
    def alive(self) -> bool:
        """See ``Lane.alive``."""
        return not self._ray.wait([self._ending], timeout=0)[0]

    def load(self) -> None:
        """See ``Lane.load``."""
        loaded: Loaded = self._got(self._loading, STARTUP_SECONDS)
        if loaded.failed:
            raise EngineError(loaded.failed)
        if differs := [each for each in loaded.differs if not each.startswith("cpu ")]:
            raise EngineError(
                f"a node of the Ray cluster differs from the driver: {', '.join(differs)}; so would "
                "its bits: install the same versions on all nodes"
            )
        self._node = loaded.node
        self.pid = loaded.pid if loaded.node == self._actors.here else None
        if self._meeting is not None and loaded.called:
            self._channel = self._meeting.met()
        self._end_meeting()
        if self._channel is None:
            log.info("an actor's orders and replies go through Ray: no socket to the driver is open there")
            self._ending = self._handle.until_its_end.remote()
        else:
            self._actors.by_socket = True
            self._ending = self._handle.serve.remote()

    def answer(self, request: bytes, nodes: int, bounds: Bounds) -> bytes:
        """See ``Lane.answer``."""
        parcel = self._actors.common.parcel(request)
        if self._channel is None:
            sent = self._handle.answer.remote(parcel.own, parcel.common, nodes, bounds.reply_bytes)
            length, reply = self._got(sent)
            check_size(length, bounds)
        else:
            reply = self._over(self._channel, parcel, nodes, bounds)
        self._actors.count(self._node)
        return bytes(reply)

    def _over(self, channel: socket.socket, parcel: Parcel, nodes: int, bounds: Bounds) -> bytearray:
        """The reply to a parcel over the socket."""
        if parcel.common is not None and parcel.common is not self._held:
            self._got(self._handle.hold.remote(parcel.common))
            self._held = parcel.common
        try:
            send_frame(channel, nodes, parcel.own)
            return receive_frame(channel, lambda length: check_size(length, bounds))[1]
        except (EOFError, OSError):
            raise self._ended() from None

    def _ended(self) -> EndedError:
        """Why the socket to the actor closed: Ray knows more, and soon."""
        errors = self._ray.exceptions
        try:
            if not self._killed:
                self._ray.get(self._ending, timeout=_LOOK_S)
        except errors.GetTimeoutError:
            pass
        except errors.RayError as error:
            return EndedError(f"its Ray actor ended: {_line(error)}")
        return EndedError("its Ray actor ended: the connection to it closed")

    def _end_meeting(self) -> None:
        if self._meeting is not None:
            self._meeting.close()

    def cpu_seconds(self, *, with_children: bool) -> float | None:
        """See ``Lane.cpu_seconds``; what it was when it was asked last, so that no answer is waited for."""
        if self._asked is not None and self._ray.wait([self._asked], timeout=0)[0]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._used = self._ray.get(self._asked)
            self._asked = None
        if self._asked is None:
            self._asked = self._handle.cpu_seconds.remote()
        return self._used[with_children]

    def kill(self) -> None:
        """See ``Lane.kill``."""
        self._killed = True
        if self._channel is not None:
            # Whoever waits for bytes is told. One that is closed already is told by nobody else.
            with contextlib.suppress(OSError):
                self._channel.shutdown(socket.SHUT_RDWR)
        self._ray.kill(self._handle)

    def end(self) -> None:
        """See ``Lane.end``."""
        self.kill()
        self._end_meeting()
        if self._channel is not None:
            self._channel.close()
        self._actors.give_up(self._number)

    def _got(self, reference: Any, seconds: float = math.inf) -> Any:
        """What the actor returns. Raises EndedError when it ends, NoRoomError after so many seconds."""
        errors, end = self._ray.exceptions, time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                return self._ray.get(reference, timeout=_LOOK_S)
            except errors.GetTimeoutError:
                # Where its node cannot be reached, nobody else may ever tell.
                if self._killed:
                    raise EndedError("its Ray actor was ended") from None
            except errors.RayError as error:
                raise EndedError(f"its Ray actor ended: {_line(error)}") from None
        there = self._actors
        raise NoRoomError(
            f"no Ray actor was ready within {seconds:g} s: no node has {there.cpus:g} CPUs and "
            f"{there.gpus:g} GPUs that no other job on the cluster has taken, or loading hangs there"
        )


def _line(error: Exception) -> str:
    """The first line of what Ray says, which is the one for people."""
    return str(error).strip().partition("\n")[0]
