"""A round of Sub-FedAvg against a bare torch loop that takes the same steps and makes the same evaluations.

Run ``python tests/benchmarks/bench_round.py [pairs]`` after ``pip install -e .``. FEDPRUNE_DATA may name a
folder that holds cifar10/*.parquet, else noise of the same shapes takes its place. The goals, as medians of a
round's time over that of the loop right after it: at most 1.10 with one worker, 0.60 with two.

The setting is the paper's: CIFAR-10 in 100 clients of 500 images, 10 a round, 5 epochs, batch 10, LeNet-5.
Every round is evaluated, which a scenario asks for in one of ten, so that each counts alike.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from bare_loop import BareLoop, Work

import fedprune
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.progress import Progress
from fedprune.scenario import Scenario

SETTING: dict[str, dict[str, Any]] = {
    "data": {"name": "cifar10"},
    "partition": {
        "name": "shards",
        "clients": 100,
        "shards_per_client": 2,
        "shard_size": 250,
        "test": "labels",
    },
    "model": {"name": "lenet5"},
    "train": {"epochs": 5, "batch_size": 10, "lr": 0.01, "momentum": 0.5},
    "strategy": {"name": "sub_fedavg", "variant": "unstructured"},
    "evaluate": {"every": 1},
}
GOALS = {1: 1.10, 2: 0.60}


class EnoughError(Exception):
    """Ends a run before its final evaluation, which is not measured here."""


class Pairs(Progress):
    """Times each of our rounds from the end of what went before it, then a bare loop over the same work."""

    def __init__(self, experiment: Experiment, folder: Path, wanted: int) -> None:
        self._experiment, self._folder, self._loop, self._wanted = (
            experiment,
            folder,
            BareLoop(experiment),
            wanted,
        )
        self.pairs: list[tuple[float, float]] = []
        self._begun = time.perf_counter()

    def round_finished(self, record: Mapping[str, Any]) -> None:
        ours = time.perf_counter() - self._begun
        loop = self._loop.seconds(self._work(record["round"]))
        if record["round"] > 1:  # The first one waits for workers to start, and both warm up.
            self.pairs.append((ours, loop))
            print(f"  {ours:6.2f} s, loop {loop:6.2f} s, ratio {ours / loop:.3f}", flush=True)
        if len(self.pairs) == self._wanted:
            raise EnoughError
        self._begun = time.perf_counter()

    def _work(self, round: int) -> list[Work]:
        (log,) = self._folder.glob("*/clients.jsonl")
        rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        return [
            Work(
                train=self._experiment.training(row["client"]),
                test=self._experiment.testing(row["client"]),
                gated=row["gate_score"] is not None,
            )
            for row in rows
            if row["round"] == round
        ]


def compare(scenario: Scenario, wanted: int) -> list[tuple[float, float]]:
    """Seconds of (our round, bare loop), pair by pair."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = Pairs(open_experiment(scenario.client_settings(), scenario.data.root), Path(folder), wanted)
        with contextlib.suppress(EnoughError):
            fedprune.run(scenario, out=folder, progress=pairs)
        return pairs.pairs


def noise(root: Path) -> str:
    """A folder of noise in CIFAR-10's shapes: 500 images for each of 10 clients, and all the test images."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
    from parquet import random_images, write_images

    for split, count in (("train", 5_000), ("test", 10_000)):
        labels = [index % 10 for index in range(count)]
        write_images(
            root / "cifar10" / f"{split}-0.parquet", random_images(count, 32, 32, 3), "img", label=labels
        )
    return str(root)


def main() -> None:
    """Print each pair, and for each number of workers the median, smallest and largest ratio."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        setting = {**SETTING, "run": {"name": "bench", "rounds": wanted + 2}}
        if not (Path(os.environ.get("FEDPRUNE_DATA", "")) / "cifar10").is_dir():
            os.environ["FEDPRUNE_CACHE"] = str(Path(scratch) / "cache")
            setting["data"] = {"name": "cifar10", "root": noise(Path(scratch))}
            setting["partition"] = {**SETTING["partition"], "clients": 10}
        for workers, goal in GOALS.items():
            print(f"{workers} worker(s), data: {'noise' if 'root' in setting['data'] else 'CIFAR-10'}")
            scenario = Scenario.from_dict({**setting, "engine": {"workers": workers}})
            pairs = compare(scenario, wanted)
            ratios = [ours / loop for ours, loop in pairs]
            median = statistics.median(ratios)
            print(f"  ratio: median {median:.3f} (goal {goal:.2f}), {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
