"""Fixtures of the battery: its parametrisation, and runs that are made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fedprune import simulate
from fedprune.scenario import Scenario

from .battery import CASES, CODECS, STRATEGIES, Carried, carry


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``case`` runs for each of CASES, one that takes ``strategy`` for each strategy, one
    that takes ``disturbed`` for each strategy and each codec."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", list(CASES))
    if "strategy" in metafunc.fixturenames:
        metafunc.parametrize("strategy", STRATEGIES)
    if "disturbed" in metafunc.fixturenames:
        metafunc.parametrize("disturbed", [*STRATEGIES, *CODECS])


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Carried]:
    """undisturbed(case): a finished run of that case in this process, and the bytes that moved; made once."""
    runs = tmp_path_factory.mktemp("runs")
    made: dict[str, Carried] = {}

    def run(case: str) -> Carried:
        if case not in made:
            made[case] = carry(CASES[case], runs)
        return made[case]

    return run


@pytest.fixture(scope="session", params=[1, 2])
def by_workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Case -> folder of its run by that many worker processes, which all cases share."""
    engine = {"engine": {"workers": request.param}}
    scenarios = [Scenario.from_dict({**case.to_dict(), **engine}) for case in CASES.values()]
    results = simulate.run(scenarios, out=tmp_path_factory.mktemp("runs"))
    return {case: result.folder for case, result in zip(CASES, results, strict=True)}
