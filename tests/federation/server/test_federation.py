"""What a strategy's hooks see of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round
from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.strategy import Payload, Server, Strategy
from fedprune.types import Shapes


def test_send_is_told_for_whom_and_of_how_many_clients_and_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "run": {"clients_per_round": 3},
        "partition": {"name": "shards", "clients": 4, "shard_size": 20},
        "model": {"name": "digits_cnn"},
        "strategy": {"name": "fedavg"},
    }
    federation = Federation(Scenario.from_dict(settings), "run", VersionedStore(tmp_path))
    seen: list[Server] = []

    def send(strategy: Strategy, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        seen.append(server)
        return Payload({name: server.weights[name] for name in travelling})

    monkeypatch.setattr(type(federation.experiment.strategy), "send", send)
    clients = [conversation.client for conversation in Round(federation, 1, [0, 2, 3]).orders()]
    assert [server.recipient for server in seen] == clients == [0, 2, 3]
    assert {server.clients for server in seen} == {4}
    assert all(server.groups == federation.experiment.architecture.groups for server in seen)
