"""A sweep whose driver is killed at random instants of every phase: setting up, training, evaluating, going
from one run to the next. Started again, it comes to the bits of one left in peace."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from fedprune import simulate
from fedprune.progress import Progress
from fedprune.scenario import Scenario
from fedprune.score import Score

from .conformance.battery import bits, two_seeds

ROUNDS, CLIENTS = 5, 12
PATIENCE_S = 120.0
POINTS = [pytest.param(10, 0), pytest.param(200, 1, marks=pytest.mark.slow)]
FORKS = multiprocessing.get_context("forkserver")
# Each driver is a fork of a process that has imported all this, so that its start takes no seconds.
FORKS.set_forkserver_preload(["fedprune.federation.flower.server_app", "fedprune.engines.answer", __name__])


def sweep() -> list[Scenario]:
    """Two runs, whose clients are in the driver."""
    return two_seeds(ROUNDS, CLIENTS)


class Events(Progress):
    """Sends what happens through a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        self._pipe.send("start")

    def round_finished(self, record: Mapping[str, Any]) -> None:
        self._pipe.send("round")

    def client_evaluated(self, done: int, clients: int) -> None:
        self._pipe.send("evaluation")

    def run_finished(self, summary: Mapping[str, Any]) -> None:
        self._pipe.send("seam")


def drive(scenarios: list[Scenario], out: Path, pipe: Connection) -> None:
    """A driver process: begins the sweep or goes on with it."""
    simulate.run(scenarios, out=out, progress=Events(pipe))
    pipe.send("end")


class Driver:
    """A driver process under way."""

    def __init__(self, scenarios: list[Scenario], out: Path) -> None:
        self.events, pipe = FORKS.Pipe(duplex=False)
        self.process = FORKS.Process(target=drive, args=(scenarios, out, pipe), daemon=True)
        self.process.start()
        pipe.close()

    def after(self, events: int) -> str:
        """What the driver was at, told by the last of so many events, or ``end`` when there are no more."""
        last = "begin"
        for _ in range(events):
            assert self.events.poll(PATIENCE_S)
            if (last := self.events.recv()) == "end":
                self.process.join()
                assert self.process.exitcode == 0
                break
        return last

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    results = simulate.run(sweep(), out=tmp_path_factory.mktemp("undisturbed"))
    assert all(result.metrics["density"] < 1 for result in results)
    return [bits(result.folder) for result in results]


@pytest.mark.parametrize(("points", "seed"), POINTS)
def test_a_driver_killed_at_random_instants_ends_in_the_same_bits(
    points: int, seed: int, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    rng, at = random.Random(seed), Counter[str]()
    for attempt in range(points):
        out, over = tmp_path / str(attempt), False
        while not over:
            driver = Driver(sweep(), out)
            over = (phase := driver.after(rng.randint(0, ROUNDS + CLIENTS + 2))) == "end"
            if not over and at.total() >= points:
                over = driver.after(1000) == "end"
            elif not over:
                time.sleep(rng.uniform(0, 0.05))
                driver.kill()
                at[phase] += 1
        assert [bits(out / each.run_id()) for each in sweep()] == undisturbed
        if at.total() >= points:
            break
    assert at.total() == points
    assert at.keys() >= {"round", "evaluation"}
    assert points < 100 or at.keys() == {"begin", "start", "round", "evaluation", "seam"}
