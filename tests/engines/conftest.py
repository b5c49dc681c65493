"""Grids of real worker processes that run tests/engines/echo_app.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flwr.app import ConfigRecord, Message, RecordDict

from fedprune.engines.kinds.local import LocalGrid, open_engine

HERE = str(Path(__file__).parent)

Query = Callable[..., Message]


@pytest.fixture(scope="session", autouse=True)
def _importable_app() -> Iterator[None]:
    sys.path.insert(0, HERE)
    yield
    sys.path.remove(HERE)


@pytest.fixture(scope="session")
def grid(_importable_app: None) -> Iterator[LocalGrid]:
    """Two workers, five clients; a test that resizes it or begins a run puts it back."""
    with open_engine(client_app="echo_app:app", nodes=5, workers=2) as opened:
        yield opened


@pytest.fixture(scope="session", params=[0, 1, 2])
def any_grid(request: pytest.FixtureRequest, grid: LocalGrid) -> Iterator[LocalGrid]:
    """Five clients and that many workers, 0 being this process."""
    if request.param == 2:
        yield grid
        return
    with open_engine(client_app="echo_app:app", nodes=5, workers=request.param) as opened:
        yield opened


@pytest.fixture
def query() -> Query:
    """query(node, action, **config): a message with that config."""

    def make(node: int, action: str = "", **config: Any) -> Message:
        message_type = f"query.{action}" if action else "query"
        return Message(RecordDict({"config": ConfigRecord(config)}), node, message_type)

    return make
