"""A sweep whose workers are killed at random instants of every phase: starting, training, evaluating, going
from one run to the next. A kill costs the client that the worker held in that round, and in the final
evaluation nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fedprune import simulate
from fedprune.engines import process, worker
from fedprune.progress import Progress
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario
from fedprune.score import Score

from .conformance.battery import two_seeds
from .conformance.lost import assert_as_without_the_lost

ROUNDS, CLIENTS, WORKERS = 5, 12, 2
POINTS = [pytest.param(10, 0), pytest.param(200, 1, marks=pytest.mark.slow)]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["fedprune.federation.flower.server_app", "fedprune.engines.answer", __name__])


class Forked:
    """A worker process like one of ``subprocess.Popen``, but forked from a process that has imported all it
    needs, so that its start takes no seconds."""

    alive: list[Forked]

    def __init__(self, command: Sequence[str], *, pass_fds: Sequence[int], **_: object) -> None:
        client_app, config = command[-2:]
        self._process = FORKS.Process(
            target=serve, args=(DupFd(pass_fds[0]), client_app, config), daemon=True
        )
        self._process.start()
        self.alive.append(self)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float) -> None:
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("worker", seconds)

    def kill(self) -> None:
        self._process.kill()


def serve(descriptor: Any, client_app: str, config: str) -> None:
    """The worker itself, as its command starts it."""
    worker.main(descriptor.detach(), client_app, json.loads(config))


class Killer(Progress):
    """Kills a worker now and then, a random moment after a random number of things that happened."""

    def __init__(self, rng: random.Random, points: int, at: Counter[str]) -> None:
        self._rng, self._points, self._at = rng, points, at
        self._left = rng.randint(1, 4)

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        self._happened("start")

    def round_finished(self, record: Mapping[str, Any]) -> None:
        self._happened("round")

    def client_evaluated(self, done: int, clients: int) -> None:
        self._happened("evaluation")

    def run_finished(self, summary: Mapping[str, Any]) -> None:
        self._happened("seam")

    def _happened(self, phase: str) -> None:
        self._left -= 1
        if not self._left:
            self._left = self._rng.randint(2, 6)
            threading.Timer(self._rng.uniform(0, 0.05), self._kill, (phase,)).start()

    def _kill(self, phase: str) -> None:
        alive = [each for each in Forked.alive if each.poll() is None]
        if alive and self._at.total() < self._points:
            pid = self._rng.choice(alive).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            self._at[phase] += 1


def sweep() -> list[Scenario]:
    """Two runs on worker processes."""
    return two_seeds(ROUNDS, CLIENTS, engine={"name": "processes", "workers": WORKERS})


@pytest.mark.parametrize(("points", "seed"), POINTS)
def test_workers_killed_at_random_instants_cost_the_clients_they_held_in_training_and_nothing_else(
    points: int, seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    forking = SimpleNamespace(**{**vars(subprocess), "Popen": Forked})
    monkeypatch.setattr(process, "subprocess", forking)
    rng, at = random.Random(seed), Counter[str]()
    for attempt in range(points):
        monkeypatch.setattr(Forked, "alive", [], raising=False)
        out, absent = tmp_path / str(attempt), tmp_path / f"absent {attempt}"
        simulate.run(sweep(), out=out, progress=Killer(rng, points, at))
        for scenario in sweep():
            folder = out / scenario.run_id()
            assert RunFolder.open(folder).finished
            assert_as_without_the_lost(scenario, folder, absent)
        if at.total() >= points:
            break
    assert at.total() == points
    assert at.keys() >= {"round", "evaluation"}
    assert points < 100 or at.keys() == {"start", "round", "evaluation", "seam"}
