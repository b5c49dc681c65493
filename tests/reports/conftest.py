"""A finished run whose tickets were studied, the report on it, and a browser; each is made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedprune import plugins
from fedprune.reports import write
from fedprune.tickets import lab
from tests.tickets.conftest import PRUNING, finished

from .chromium import started
from .parsed import Parsed

PLAN = lab.Plan(clients=3, seeds=2, epochs=1, permutations=19)


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run with the results of all studies in its folder. Not to be written to."""
    run = finished(tmp_path_factory.mktemp("runs"), PRUNING, keep_history=True)
    lab.carry_out(run, plugins.names("studies"), PLAN, run / "tickets", lambda study, done, total: None)
    return run


@pytest.fixture(scope="session")
def report(studied: Path, tmp_path_factory: pytest.TempPathFactory) -> Parsed:
    """The report on that run."""
    return Parsed(write([studied], tmp_path_factory.mktemp("report") / "all.html"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real browser without a network. The test is skipped where there is none."""
    driver = started()
    yield driver
    driver.quit()
