"""Runs that are killed, interrupted or terminated end, once resumed, in the bits of one left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import fedprune
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.scenario import load_scenarios

from .conformance.battery import bits

ROUNDS = 24
SCENARIO = f"""
[run]
rounds = {ROUNDS}
clients_per_round = 3
checkpoint_every = 3
[partition]
clients = 5
shard_size = 20
[model]
name = "digits_cnn"
[train]
epochs = 2
lr = 0.05
[strategy]
name = "sub_fedavg"
gate = 0.2
[evaluate]
every = 4
[engine]
workers = 1
"""
PATIENCE_S = 300.0
"""Far more than a run takes, on a machine with other things to do."""


class Shell:
    """One run, driven from outside as a user would: started, signalled, resumed."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.file = out / "disturbed.toml"
        self.file.write_text(SCENARIO, "utf-8")
        (scenario,) = load_scenarios(self.file)
        self.folder = out / scenario.run_id()

    def go(self) -> subprocess.Popen[bytes]:
        """A process that begins the run, or goes on with it when it has a folder."""
        verb = ["resume", str(self.folder)] if self.folder.exists() else ["run", str(self.file)]
        place = [] if self.folder.exists() else ["--out", str(self.out)]
        home = str(Path(fedprune.__file__).parent.parent)
        return subprocess.Popen(
            [sys.executable, "-m", "fedprune", *verb, *place],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([home, *filter(None, sys.path)])},
        )

    def finish(self) -> dict[str, Any]:
        """Go on to the end, and what the run came to."""
        assert self.go().wait(PATIENCE_S) == 0
        assert RunFolder.open(self.folder).read_status()["state"] == "complete"
        return bits(self.folder)

    def rounds(self) -> int:
        """How many rounds are in the log."""
        return len(read_lines(self.folder / "rounds.jsonl"))

    def wait_for_round(self, round: int, process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Wait until the folder is there and that round is in its log; the workers that there are then."""
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and not (self.folder.exists() and self.rounds() >= round):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return psutil.Process(process.pid).children() if process.poll() is None else []


def assert_gone(processes: list[psutil.Process], seconds: float = 10.0) -> None:
    """No process outlives its driver by more than that."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if _runs(process)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    try:
        # What nobody waits for stays behind as a zombie, which does nothing.
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = Shell(tmp_path_factory.mktemp("undisturbed")).finish()
    assert found["results"]["rounds"] == ROUNDS
    assert found["results"]["density"] < 1
    return found


@pytest.mark.parametrize(
    ("kills", "seed"), [(3, 0), *(pytest.param(10, seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
)
def test_a_run_killed_at_random_instants_ends_in_the_same_bits(
    kills: int, seed: int, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    shell, rng = Shell(tmp_path), random.Random(seed)
    # The first kill is at the very beginning; each of the others falls into or shortly after a random round.
    for target in [0, *sorted(rng.randint(1, ROUNDS) for _ in range(kills - 1))]:
        process = shell.go()
        workers = shell.wait_for_round(target, process)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.wait()
        assert_gone(workers)
    assert shell.finish() == undisturbed


def test_an_interrupt_and_a_termination_end_in_time_without_orphans_and_lose_no_whole_round(
    undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        pytest.skip("SIGINT is ignored here, and so it is in processes started from here")
    shell = Shell(tmp_path)
    for number, after, status in ((signal.SIGINT, 2, 130), (signal.SIGTERM, 5, 143)):
        process = shell.go()
        (worker,) = shell.wait_for_round(after, process)
        asked = time.monotonic()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == status
        assert time.monotonic() - asked < 10
        assert_gone([worker], seconds=0)
        folder = RunFolder.open(shell.folder)
        stopped = folder.read_status()
        assert stopped["state"] == "stopped"
        assert stopped["round"] >= after
        assert (folder.checkpoints / f"round-{stopped['round']:06d}").is_dir()
    assert shell.finish() == undisturbed
