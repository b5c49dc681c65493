"""A finished run whose tickets were studied, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.tickets import lab
from tests.tickets.conftest import PRUNING, finished

PLAN = lab.Plan(clients=3, seeds=2, epochs=1, permutations=19)


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run with the results of all studies in its folder. Not to be written to."""
    run = finished(tmp_path_factory.mktemp("runs"), PRUNING, keep_history=True)
    lab.carry_out(run, plugins.names("studies"), PLAN, run / "tickets", lambda study, done, total: None)
    return run
