"""What the driver spends on a reply, and how long workers wait for it: LeNet-5, 50 clients a round, two
workers.

Run ``python tests/benchmarks/bench_driver.py [rounds] [--profile]`` after ``pip install -e .``. It prints,
as medians over rounds, the CPU time of the driver's process per reply, and the share of their time in which
workers had no message. The goals: at most 2 ms a reply with plain values, 8 ms with 2 bits and context masks
up and 8 bits down. The data are noise in CIFAR-10's shapes.
"""

from __future__ import annotations

import cProfile
import math
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench_round import noise

import fedprune
from fedprune.engines import process
from fedprune.progress import Progress
from fedprune.scenario import Scenario
from fedprune.types import Bounds

CLIENTS = 50
SETTING: dict[str, dict[str, Any]] = {
    "partition": {"name": "shards", "clients": CLIENTS, "shards_per_client": 2, "shard_size": 50},
    "model": {"name": "lenet5"},
    "train": {"epochs": 2, "batch_size": 10, "lr": 0.01, "momentum": 0.5},
    "strategy": {"name": "sub_fedavg", "gate": 0.0, "distance": 0.0},
    "evaluate": {"every": 0},
    "engine": {"workers": 2},
}
CODECS: dict[str, tuple[float, dict[str, dict[str, Any]]]] = {
    "fp32": (2.0, {"strategy": {"name": "fedavg"}}),
    "fp32 and masks up": (math.inf, {}),
    "2 bits and context masks up, 8 bits down": (
        8.0,
        {
            "uplink": {"base": "update", "values": "uniform", "bits": 2, "mask": "context", "entropy": "ans"},
            "downlink": {"values": "uniform", "bits": 8},
        },
    ),
}


class EnoughError(Exception):
    """Ends a run before its final evaluation, which is not measured here."""


class Meter(Progress):
    """CPU seconds of the driver per reply, and seconds that workers waited, of each round but the first."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.per_reply: list[float] = []
        self.idle: list[float] = []
        self._last = time.process_time(), time.perf_counter(), _waited()

    def round_finished(self, record: Mapping[str, Any]) -> None:
        now = time.process_time(), time.perf_counter(), _waited()
        cpu, seconds, waited = (after - before for after, before in zip(now, self._last, strict=True))
        assert not record["failed"]
        if record["round"] > 1:  # The first one waits for workers to start.
            self.per_reply.append(cpu / CLIENTS)
            self.idle.append(waited / seconds / 2)
        if record["round"] == self._rounds:
            raise EnoughError
        self._last = time.process_time(), time.perf_counter(), _waited()


_ANSWERING = {"seconds": 0.0, "since": time.perf_counter()}


def _waited() -> float:
    """Seconds so far in which a worker had no message, over both."""
    return 2 * (time.perf_counter() - _ANSWERING["since"]) - _ANSWERING["seconds"]


def _watch_workers() -> None:
    answer = process.WorkerProcess.answer

    def timed(worker: process.WorkerProcess, request: bytes, nodes: int, bounds: Bounds) -> bytes:
        started = time.perf_counter()
        try:
            return answer(worker, request, nodes, bounds)
        finally:
            _ANSWERING["seconds"] += time.perf_counter() - started

    process.WorkerProcess.answer = timed  # type: ignore[method-assign]


def measure(codec: Mapping[str, Any], root: str, rounds: int, profile: bool) -> Meter:
    """A run of so many rounds."""
    data = {"name": "cifar10", "root": root}
    run = {"name": "bench", "rounds": rounds + 1, "clients_per_round": CLIENTS}
    scenario = Scenario.from_dict({**SETTING, **codec, "data": data, "run": run})
    meter, profiler = Meter(rounds), cProfile.Profile()
    with tempfile.TemporaryDirectory() as out:
        try:
            if profile:
                profiler.enable()
            fedprune.run(scenario, out=out, progress=meter)
        except EnoughError:
            pass
        finally:
            profiler.disable()
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
    return meter


def main() -> None:
    """Print each codec's figures; with ``--profile`` also where the driver's time goes."""
    numbers = [int(each) for each in sys.argv[1:] if each.isdecimal()]
    _watch_workers()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FEDPRUNE_CACHE"] = str(Path(scratch) / "cache")
        root = noise(Path(scratch))
        for name, (goal, codec) in CODECS.items():
            meter = measure(codec, root, numbers[0] if numbers else 4, "--profile" in sys.argv)
            spent, idle = statistics.median(meter.per_reply), statistics.median(meter.idle)
            print(f"{name}: {spent * 1000:.1f} ms a reply (goal {goal:g}); workers wait {idle:.1%}")


if __name__ == "__main__":
    main()
