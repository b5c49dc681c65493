"""A finished run whose clients' models are exported, made once, and one of its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune.export import Exported, Form, export
from fedprune.export.graphs import Graphs
from fedprune.federation.finished import FinishedFederation
from tests.tickets.conftest import finished

STRATEGY = {
    "name": "sub_fedavg",
    "variant": "hybrid",
    "target": 0.5,
    "step": 0.5,
    "distance": 0.0,
    "channel_distance": 0.0,
    "gate": 0.0,
}


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> FinishedFederation:
    """A complete run of Sub-FedAvg that removed channels and weights of a network with batch norms."""
    return FinishedFederation.open(finished(tmp_path_factory.mktemp("runs"), dict(STRATEGY)))


@pytest.fixture(scope="session")
def graphs() -> Graphs:
    """What several exports of one client share."""
    return Graphs()


@pytest.fixture(scope="session")
def fp32(run: FinishedFederation, graphs: Graphs, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The model of client 1 for onnxruntime in fp32."""
    return export(run, 1, Form(), Path(tmp_path_factory.mktemp("fp32")), graphs)
