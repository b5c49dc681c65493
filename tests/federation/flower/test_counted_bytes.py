"""The bytes that a round reports are those that its worker's socket carried, counted inside that socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from fedprune.engines import process
from fedprune.engines.channel import channel_pair
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import open_grid
from fedprune.federation.flower.keys import RUNS
from fedprune.federation.flower.nodes import node_ids
from fedprune.federation.flower.transport import Limits, exchange
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario

FRAME = 12
"""Bytes of the length prefix of a message in a worker's socket, which docs/metrics.md leaves out."""


class Wiretap:
    """A pair of sockets with a counter in between."""

    def __init__(self) -> None:
        self.down = self.up = 0

    def pair(self) -> tuple[socket.socket, socket.socket]:
        (driver, ours), (theirs, worker) = channel_pair(), channel_pair()
        for way, source, target in (("down", ours, theirs), ("up", theirs, ours)):
            threading.Thread(target=self._carry, args=(way, source, target), daemon=True).start()
        return driver, worker

    def _carry(self, way: str, source: socket.socket, target: socket.socket) -> None:
        with source, contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                setattr(self, way, getattr(self, way) + len(data))
                target.sendall(data)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wiretap:
    tap = Wiretap()
    monkeypatch.setattr(process, "channel_pair", tap.pair)
    return tap


@pytest.mark.parametrize("lr", [0.05, 1e18], ids=["accepted", "failed"])
def test_reported_bytes_are_those_in_the_workers_socket(lr: float, wire: Wiretap, tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 3},
            "partition": {"name": "shards", "clients": 4, "shard_size": 20},
            "model": {"name": "digits_cnn"},
            "train": {"epochs": 1, "lr": lr},
            "strategy": {"name": "sub_fedavg"},
        }
    )
    (tmp_path / scenario.run_id() / "state" / "clients").mkdir(parents=True)
    round = Round.sampled(Federation(scenario, scenario.run_id(), VersionedStore(tmp_path)), 1)
    with open_grid(
        Processes(1),
        client_app="fedprune.federation.flower.client_app:app",
        nodes=4,
        config={RUNS: str(tmp_path)},
    ) as grid:
        for conversation, reply in exchange(grid, node_ids(grid, 4), round.orders(), Limits()):
            conversation.take(reply)
    outcome = round.outcome()
    assert (len(outcome.accepted), len(outcome.failed)) == ((3, 0) if lr < 1 else (0, 3))
    down = sum(reply.bytes_down.total for reply in outcome.accepted) + outcome.lost_down.total
    up = sum(reply.bytes_up.total for reply in outcome.accepted) + outcome.lost_up.total
    assert wire.down - 3 * FRAME == down
    # One more frame from the worker says that it is ready.
    assert wire.up - 4 * FRAME == up
