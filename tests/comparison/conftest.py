"""Finished runs that are small and real: two seeds of two methods, and one of them repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune import simulate
from fedprune.scenario import Scenario

TINY = {
    "run": {"name": "tiny", "rounds": 2, "clients_per_round": 2},
    "partition": {"name": "iid", "clients": 6},
    "model": {"name": "mlp"},
    "train": {"epochs": 1, "batch_size": 100},
    "engine": {"name": "in_process"},
}


def scenario(strategy: str, seed: int) -> Scenario:
    return Scenario.from_dict({**TINY, "run": {**TINY["run"], "seed": seed}, "strategy": {"name": strategy}})


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> folder: ``fedavg-0``, ``fedavg-1``, ``standalone-0``, ``standalone-1`` and ``again-0``."""
    out = tmp_path_factory.mktemp("runs")
    asked = {f"{name}-{seed}": scenario(name, seed) for name in ("fedavg", "standalone") for seed in (0, 1)}
    made = dict(zip(asked, simulate.run(list(asked.values()), out=out), strict=True))
    (again,) = simulate.run(scenario("fedavg", 0), out=tmp_path_factory.mktemp("again"))
    return {name: result.folder for name, result in made.items()} | {"again-0": again.folder}
