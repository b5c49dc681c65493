"""Grids of real worker processes that run tests/engines/echo_app.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flwr.app import ConfigRecord, Message, RecordDict

from fedprune import plugins
from fedprune.engines.crew import Engine
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import CrewGrid, open_grid

from .thread_engine import Threads

HERE = str(Path(__file__).parent)

Query = Callable[..., Message]


@pytest.fixture(scope="session", autouse=True)
def _importable_app() -> Iterator[None]:
    sys.path.insert(0, HERE)
    yield
    sys.path.remove(HERE)


@pytest.fixture(scope="session")
def grid(_importable_app: None) -> Iterator[CrewGrid]:
    """Two workers, five clients; a test that resizes it or begins a run puts it back."""
    with open_grid(Processes(2), client_app="echo_app:app", nodes=5) as opened:
        yield opened


ENGINES: list[Engine] = [
    plugins.dataclass_of("engines", name)() for name in plugins.names("engines") if name != "ray"
]
ON_RAY = pytest.param(
    plugins.dataclass_of("engines", "ray")(actors=2),
    marks=[
        pytest.mark.cluster,
        # Ray leaves files of its own open.
        pytest.mark.filterwarnings("ignore::ResourceWarning"),
        pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    ],
)


@pytest.fixture(scope="session", params=[*ENGINES, Processes(1), Threads(), ON_RAY], ids=str)
def any_grid(request: pytest.FixtureRequest, _importable_app: None) -> Iterator[CrewGrid]:
    """Five clients on each engine that is found, on a single worker, and on the example of an engine."""
    with open_grid(request.param, client_app="echo_app:app", nodes=5) as opened:
        yield opened


@pytest.fixture
def query() -> Query:
    """query(node, action, **config): a message with that config."""

    def make(node: int, action: str = "", **config: Any) -> Message:
        message_type = f"query.{action}" if action else "query"
        return Message(RecordDict({"config": ConfigRecord(config)}), node, message_type)

    return make
