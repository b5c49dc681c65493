"""Ray actors, on this machine or on all nodes of a Ray cluster (extra ``ray``)."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fedprune.engines.actors import ActorLane, Actors, InActor
from fedprune.engines.bare_head import bare_heads
from fedprune.engines.crew import Crew, EngineError
from fedprune.engines.crews.processes import MOST_WORKERS, usable_cores
from fedprune.engines.lanes import Lane, LaneCrew
from fedprune.engines.process import worker_environment
from fedprune.types import NodeConfig

LOCAL = "local"
_LOCAL_STARTS = 3


@dataclass(frozen=True)
class Ray:
    """Clients in Ray actors, each of which answers for any client, one at a time, and is replaced when it
    ends."""

    address: str = LOCAL
    """The cluster: "local" starts one on this machine, "auto" takes the one that this machine is a node of,
    "ray://HOST:10001" reaches one from outside."""
    actors: int | None = None
    """How many; as many as there is room for unless given."""
    cpus: float = 1.0
    """Processors that Ray sets apart for each actor."""
    gpus: float = 0.0
    """GPUs for each actor; 0.25 lets four actors share one."""
    retries: int = 2
    """How often a client is done again, to the same bits, when its actor or node ends."""
    shared: bool = False
    """Whether all nodes see the folder of runs under the driver's path, so that clients keep their state
    there themselves; else a service beside the driver does it."""

    def __post_init__(self) -> None:
        if self.actors is not None and not 1 <= self.actors <= MOST_WORKERS:
            raise ValueError(f"actors: must lie in 1 to {MOST_WORKERS}, not {self.actors}")
        if not (0 < self.cpus < math.inf and 0 <= self.gpus < math.inf):
            raise ValueError(
                f"cpus: must be above 0, and gpus at least 0, not {self.cpus:g} and {self.gpus:g}"
            )
        if self.retries < 0:
            raise ValueError(f"retries: must be 0 or more, not {self.retries}")
        if self.address not in (LOCAL, "auto") and "://" not in self.address:
            raise ValueError(f'address: "local", "auto" or "ray://HOST:PORT", not "{self.address}"')

    def open(self, client_app: str, config: NodeConfig) -> Crew:
        """See ``Engine.open``."""
        return _RayCrew(self, client_app, config)


class _RayCrew(LaneCrew):
    """Connects to Ray in a thread of its own, and then makes actors its lanes.

    The thread stays until the crew is closed: what Ray starts ends with the thread that started it.
    """

    def __init__(self, engine: Ray, client_app: str, config: NodeConfig) -> None:
        super().__init__(self._actor, engine.actors or 1, engine.retries)
        self._engine, self._client_app, self._config = engine, client_app, config
        self._connection: threading.Thread | None = None
        self._connected, self._closing = threading.Event(), threading.Event()
        self._actors: Actors | None = None
        self._mine = False

    def start(self) -> None:
        """See ``Crew.start``."""
        if self._connection is None:
            self._connection = threading.Thread(target=self._be_connected, daemon=True)
            self._connection.start()

    def wait(self) -> None:
        """See ``Crew.wait``."""
        self.start()
        self._connected.wait()
        _take_back(signal.SIGTERM)
        super().wait()

    def described(self) -> dict[str, Any]:
        """See ``Crew.described``."""
        self.wait()
        assert self._actors is not None
        engine = self._engine
        asked = {"actors": self.lanes, "cpus": engine.cpus, "gpus": engine.gpus}
        return {"name": "ray", **asked, **self._actors.described()}

    def answered(self) -> dict[str, int]:
        """See ``Crew.answered``."""
        return {} if self._actors is None else self._actors.answered()

    def close(self) -> None:
        """See ``Crew.close``."""
        if self._connection is None:
            return
        self._connected.wait()
        super().close()
        if self._actors is not None:
            self._actors.close()
        self._closing.set()
        self._connection.join()

    def _be_connected(self) -> None:
        """Connect and start the lanes, which hand out the error where that fails; at the end disconnect."""
        self._connect()
        super().start()
        self._connected.set()
        self._closing.wait()
        if self._mine:
            _imported().shutdown()

    def _connect(self) -> None:
        engine = self._engine
        try:
            ray = _imported()
            self._mine = not ray.is_initialized()
            if self._mine:
                _initialise(ray, engine)
            self.lanes = engine.actors or _room(ray.cluster_resources(), engine)
            self._actors = Actors(ray, _InActor(), engine.cpus, engine.gpus, self._host(ray))
            if engine.address != LOCAL:
                self._actors.bring(self._config)
                if not engine.shared:
                    # From outside of the cluster no node sees the run's folder: the head has one of its own.
                    outside = engine.address.startswith("ray://")
                    self._actors.keep_state({} if outside else self._config)
        except EngineError as error:
            self._break(error)
        except Exception as error:
            line = str(error).strip().partition("\n")[0]
            self._break(EngineError(f'[engine] address = "{engine.address}": Ray says: {line}'))

    def _host(self, ray: Any) -> str | None:
        """The address by which actors reach this machine; None from outside of the cluster."""
        if self._engine.address.startswith("ray://"):
            return None
        if self._mine and self._engine.address == LOCAL:
            return "127.0.0.1"
        return str(ray.util.get_node_ip_address())

    def _actor(self) -> Lane:
        assert self._actors is not None
        return ActorLane(self._actors, self._client_app, self._config)


@dataclass(frozen=True)
class _InActor(InActor):
    """See ``InActor``."""

    def node(self) -> str:
        """See ``InActor.node``."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def ask(self, actor: Any, method: str, *arguments: Any) -> Any:
        """See ``InActor.ask``."""
        import ray

        return ray.get(getattr(actor, method).remote(*arguments))


def _imported() -> Any:
    """The ray package. Raises EngineError where it is not installed."""
    from fedprune.federation.flower.quiet import keep_flower_quiet

    keep_flower_quiet()
    try:
        import ray
    except ImportError as error:
        raise EngineError(
            f"[engine] name = \"ray\" needs Ray ({error}); install it: pip install 'fedprune[ray]'"
        ) from error
    return ray


def _initialise(ray: Any, engine: Ray) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if engine.address != LOCAL:
        ray.init(address=engine.address, **quiet)
        return
    actors = engine.actors or max(1, int(usable_cores() / engine.cpus))
    quiet |= {"num_cpus": math.ceil(actors * engine.cpus), "include_dashboard": False}
    with _inherited(worker_environment()), bare_heads(ray):
        for left in reversed(range(_LOCAL_STARTS)):
            try:
                ray.init(address=LOCAL, **quiet)
                return
            except Exception as error:
                # Ray gives its own processes 30 s, which a busy machine may not grant them.
                ray.shutdown()
                if not left or "timed out" not in str(error):
                    raise


@contextlib.contextmanager
def _inherited(environment: Mapping[str, str]) -> Iterator[None]:
    """Inside, processes that are started have these variables too."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _take_back(number: signal.Signals) -> None:
    """Have Python handle a signal again: Ray ends the process at it, with a trace of its own code."""
    handler = signal.getsignal(number)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(number, handler)


def _room(resources: Mapping[str, float], engine: Ray) -> int:
    """How many actors the whole cluster has room for. Raises EngineError for none."""
    room = [resources.get("CPU", 0.0) / engine.cpus]
    if engine.gpus:
        room.append(resources.get("GPU", 0.0) / engine.gpus)
    if (actors := min(MOST_WORKERS, int(min(room)))) < 1:
        raise EngineError(
            f"the Ray cluster has no room for an actor: [engine] asks for cpus = {engine.cpus:g} and "
            f"gpus = {engine.gpus:g}, and it has {resources.get('CPU', 0):g} and {resources.get('GPU', 0):g}"
        )
    return actors
