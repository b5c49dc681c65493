"""A worker on whatever machine a cluster gives it: loads the ClientApp, answers messages one at a time."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import psutil

from fedprune.engines.baggage import Baggage, unpack
from fedprune.engines.channel import REPLY, receive_frame, send_frame
from fedprune.engines.common_part import joined
from fedprune.engines.meeting import Place, called
from fedprune.engines.remote_state import Ask, RemoteStore
from fedprune.types import NodeConfig, UserError

WATCH = "watch"
"""The group of threads that answer while the worker works on a message."""

Method = TypeVar("Method", bound=Callable[..., Any])


def _watched(method: Method) -> Method:
    """Have a method called in threads of that group: what ``ray.method`` does, where ray is not imported.

    A driver outside of the cluster has the class read on the head, so that the class itself must say it.
    """
    method.__ray_concurrency_group__ = WATCH  # type: ignore[attr-defined]
    return method


@dataclass(frozen=True)
class Loaded:
    """What a worker says of itself once its ClientApp is loaded."""

    node: str
    pid: int
    called: bool = False
    """Whether it has called the driver, so that orders may come by a socket."""
    failed: str = ""
    """Why the ClientApp does not load, in one line."""
    differs: tuple[str, ...] = ()
    """What may change bits and is different on its machine."""


class RemoteWorker:
    """What runs in the cluster. ``answer``, or ``serve``, is called by one caller, the others at any time."""

    def __init__(self, number: int, client_app: str, config: NodeConfig, ask: Ask | None) -> None:
        """Describe a worker.

        Args:
            number: tells it from all others of the run, also from those before it.
            client_app: ``module:attribute``.
            config: what each client's Context holds in its node_config.
            ask: reaches the service that keeps clients' state; None where this machine sees the run's folder.
        """
        self._number, self._client_app, self._config, self._ask = number, client_app, config, ask
        self._channel: socket.socket | None = None
        self._held: bytes | None = None

    def load(
        self, driver: Mapping[str, Any], node: Callable[[], str], baggage: Baggage | None, place: Place | None
    ) -> Loaded:
        """Load the ClientApp.

        Args:
            driver: the driver's ``environment`` record.
            node: tells the name of the node that it is called on.
            baggage: what this machine needs of the driver's; None where it is the same machine.
            place: where the driver expects its call; None where it expects none.
        """
        # Late: what is wrong with the imports is told as an answer.
        from fedprune.engines.answer import load_client_app
        from fedprune.federation.client.machine import keep_state_with
        from fedprune.federation.flower.keys import PLUGINS
        from fedprune.runs.environment import changes, source

        loaded = Loaded(node(), os.getpid(), differs=tuple(changes(driver)))
        if driver["source"] != source():
            return replace(loaded, differs=("fedprune's own code", *loaded.differs))
        try:
            if baggage is not None:
                folders = unpack(baggage, str(self._config.get(PLUGINS, "")))
                self._config = {**self._config, PLUGINS: folders}
            self._app = load_client_app(self._client_app)
        except UserError as error:
            return replace(loaded, failed=str(error))
        if self._ask is not None:
            keep_state_with(partial(RemoteStore, self._ask, self._number))
        self._channel = None if place is None else called(place)
        return replace(loaded, called=self._channel is not None)

    def serve(self) -> None:
        """Answer what comes by the socket, until the driver closes it."""
        assert self._channel is not None
        with self._channel, contextlib.suppress(EOFError, OSError):
            while True:
                nodes, own = receive_frame(self._channel)
                send_frame(self._channel, REPLY, self._reply(own, self._held, nodes))

    @_watched
    def hold(self, common: bytes) -> None:
        """Have a common message at hand, for orders by the socket."""
        self._held = common

    def answer(self, own: bytes, common: bytes | None, nodes: int, longest: int | None) -> tuple[int, bytes]:
        """The length of the reply to a parcel, and the reply, unless it is longer than ``longest`` bytes."""
        reply = self._reply(own, common, nodes)
        return len(reply), reply if longest is None or len(reply) <= longest else b""

    def _reply(self, own: bytes | bytearray, common: bytes | None, nodes: int) -> bytes:
        from fedprune.engines.answer import answer

        return answer(self._app, joined(own, common), nodes, self._config)

    @_watched
    def cpu_seconds(self) -> tuple[float, float]:
        """Processor time that it has used so far, in seconds, without and with the processes it started."""
        this = psutil.Process()
        family = [sum(process.cpu_times()[:4]) for process in (this, *this.children(recursive=True))]
        return family[0], sum(family)

    @_watched
    def until_its_end(self) -> None:
        """Never return: whoever waits for it is told when the worker ends."""
        threading.Event().wait()
