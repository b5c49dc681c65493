"""Clients' state for workers on machines that do not see the run's folder: a service beside it, and what
stands for a store on the other side.

The service writes into the run's folder as a worker beside the server would, before the reply goes out. So
any machine can serve any client, and what the server accepted is on its own disk, whichever machine is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedprune.runs.arrays import pack, unpack
from fedprune.runs.files import RunError
from fedprune.types import Arrays, NodeConfig

Ask = Callable[..., Any]
"""``ask(method, *arguments)`` has a method of the service called, and returns what it returned."""


class StateService:
    """Answers for the stores of a machine's runs. What the disk refuses comes back as text, since errors
    differ in how they travel.

    A worker that the driver has given up may still be at work where nobody reaches it. It must not change
    what others by now rely on, so the service serves it no more.
    """

    def __init__(self, config: NodeConfig) -> None:
        """``config`` says where this machine's folder of runs is (see ``client_app.machine_of``)."""
        # Late: it loads what clients compute with.
        from fedprune.federation.flower.client_app import machine_at

        self._machine = machine_at(config, {})
        self._ended: set[int] = set()

    def ready(self) -> None:
        """Return once the service is there."""

    def end(self, worker: int) -> None:
        """Serve this worker no more."""
        self._ended.add(worker)

    def collect(self, worker: int, run: str, client: int, current: int, floor: int) -> str:
        """``VersionedStore.collect``; returns what went wrong, empty where nothing did."""
        return self._done(worker, lambda: self._machine.store(run).collect(client, current, floor))

    def load(self, worker: int, run: str, client: int, round: int) -> bytes | str:
        """``VersionedStore.load``, packed; text says what went wrong."""
        try:
            return pack(self._machine.store(run).load(client, round))
        except RunError as error:
            return str(error)

    def save(self, worker: int, run: str, client: int, round: int, arrays: bytes) -> str:
        """``VersionedStore.save`` of packed arrays; returns what went wrong, empty where nothing did."""
        return self._done(worker, lambda: self._machine.store(run).save(client, round, unpack(arrays)))

    def _done(self, worker: int, change: Callable[[], None]) -> str:
        if worker in self._ended:
            return "this worker was given up"
        try:
            change()
        except RunError as error:
            return str(error)
        return ""


@dataclass(frozen=True)
class RemoteStore:
    """A run's store, on the service's machine; see ``VersionedStore`` for what each method does."""

    ask: Ask
    worker: int
    run: str

    def collect(self, client: int, current: int, floor: int) -> None:
        """Raises RunError."""
        self._check(self.ask("collect", self.worker, self.run, client, current, floor))

    def load(self, client: int, round: int) -> Arrays:
        """Raises RunError."""
        if round <= 0:
            return {}
        found = self.ask("load", self.worker, self.run, client, round)
        if isinstance(found, str):
            raise RunError(found)
        return unpack(found)

    def save(self, client: int, round: int, arrays: Arrays) -> None:
        """Raises RunError."""
        self._check(self.ask("save", self.worker, self.run, client, round, pack(arrays)))

    def _check(self, wrong: str) -> None:
        if wrong:
            raise RunError(wrong)
