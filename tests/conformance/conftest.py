"""Fixtures of the battery: its parametrisation, and runs that are made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from fedprune import simulate
from fedprune.scenario import Scenario

from .battery import CASES, CODECS, OPTIONS, STRATEGIES, Carried, carry


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``case`` runs for each of CASES (with ``workers``: by two, and those of OPTIONS by
    one as well), one that takes ``strategy`` for each strategy, one that takes ``disturbed`` for each
    strategy and each codec."""
    if "workers" in metafunc.fixturenames:
        # Two workers show that a process of its own changes no bit; one that this does not hang on the two.
        pairs = [(2, case) for case in CASES] + [(1, case) for case in OPTIONS]
        metafunc.parametrize(("workers", "case"), pairs)
    elif "case" in metafunc.fixturenames:
        metafunc.parametrize("case", list(CASES))
    if "strategy" in metafunc.fixturenames:
        metafunc.parametrize("strategy", STRATEGIES)
    if "disturbed" in metafunc.fixturenames:
        metafunc.parametrize("disturbed", [*STRATEGIES, *CODECS])


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here cuts the power: the runs, hundreds, need not wait until the disk has each file."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


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


@pytest.fixture(scope="session")
def by_workers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, Path]]:
    """by_workers(n): case -> folder of its run by n worker processes, which all share; made once."""

    @cache
    def run(workers: int) -> dict[str, Path]:
        cases = CASES if workers == 2 else OPTIONS
        engine = {"engine": {"workers": workers}}
        scenarios = [Scenario.from_dict({**case.to_dict(), **engine}) for case in cases.values()]
        results = simulate.run(scenarios, out=tmp_path_factory.mktemp("runs"))
        return {case: result.folder for case, result in zip(cases, results, strict=True)}

    return run
