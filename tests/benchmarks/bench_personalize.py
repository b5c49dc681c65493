"""``fedprune personalize`` on a run of 100 clients against a bare torch loop that takes the same steps.

Run ``python tests/benchmarks/bench_personalize.py [clients]`` after ``pip install -e .``. FEDPRUNE_DATA may
name a folder that holds cifar10/*.parquet, else noise of the same shapes takes its place. The goal: at most
1.10 times the loop's CPU time, summed over clients; after each client of ours the loop has its turn, so that
whatever else the machine does hits both.

The setting is the paper's: CIFAR-10 in 100 clients of 500 images, batch 10, LeNet-5. Each client trains one
epoch, then two under each of seven masks, and every model is scored on validation and test data.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from bare_loop import accuracy, train
from bench_round import noise

import fedprune
from fedprune import simulate
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.scenario import Scenario

KEYS = ("densities=[0.5, 0.1]", "before=1", "after=2")
BEFORE, AFTER, MASKED = 1, 2, 6
GOAL = 1.10


class EnoughError(Exception):
    """Ends a personalization once enough clients are measured."""


class BareLoop:
    """What one would write without a framework: one module, tensors in memory, torch's own SGD."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment, self._step = experiment, experiment.step
        self._model = experiment.architecture.load(experiment.initial)
        parameters = dict(self._model.named_parameters())
        self._masks = [
            (parameters[name], torch.ones_like(parameters[name])) for name in experiment.architecture.prunable
        ]
        self._begin = {name: value.clone() for name, value in self._model.state_dict().items()}

    def client(self, number: int) -> None:
        """All models of one client: the dense one, and those under masks."""
        experiment = self._experiment
        samples, held_out = experiment.training(number), experiment.gating(number)
        assert held_out is not None
        self._model.load_state_dict(self._begin)
        train(self._model, samples, self._step, BEFORE, ())
        before = {name: value.clone() for name, value in self._model.state_dict().items()}
        for model in range(1 + MASKED):
            self._model.load_state_dict(before)
            train(self._model, samples, self._step, AFTER, self._masks if model else ())
            for scored in (held_out, experiment.testing(number)):
                accuracy(self._model, *scored)


def compare(scenario: Scenario, wanted: int) -> list[tuple[float, float]]:
    """CPU seconds of (ours, bare loop) for each client after the first, with which both warm up."""
    pairs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        (found,) = fedprune.run(scenario, out=folder)
        loop = BareLoop(open_experiment(scenario.client_settings(), scenario.data.root))
        begun = time.process_time()

        def told(done: int, clients: int) -> None:
            nonlocal begun
            ours = time.process_time() - begun
            begun = time.process_time()
            loop.client(done - 1)
            bare = time.process_time() - begun
            if done > 1:
                pairs.append((ours, bare))
                print(f"  {ours:6.2f} s, loop {bare:6.2f} s, ratio {ours / bare:.3f}", flush=True)
            if len(pairs) == wanted:
                raise EnoughError
            begun = time.process_time()

        with contextlib.suppress(EnoughError):
            simulate.personalize(found.folder, KEYS, told=told)
    return pairs


def main() -> None:
    """Print each client's pair, and the ratio of the sums."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        setting = {
            "run": {"name": "bench", "rounds": 1, "clients_per_round": 1, "seed": 0},
            "data": {"name": "cifar10"},
            "partition": {
                "name": "shards",
                "clients": 100,
                "shards_per_client": 2,
                "shard_size": 250,
                "validation": 0.1,
                "test": "labels",
            },
            "model": {"name": "lenet5"},
            "train": {"epochs": 1, "batch_size": 10, "lr": 0.01, "momentum": 0.5},
            "evaluate": {"every": 0},
            "engine": {"name": "in_process"},
        }
        if not (Path(os.environ.get("FEDPRUNE_DATA", "")) / "cifar10").is_dir():
            os.environ["FEDPRUNE_CACHE"] = str(Path(scratch) / "cache")
            setting["data"] = {"name": "cifar10", "root": noise(Path(scratch))}
            setting["partition"] = {**setting["partition"], "clients": 10}
        pairs = compare(Scenario.from_dict(setting), wanted)
    ours, bare = (sum(each) for each in zip(*pairs, strict=True))
    ratios = [mine / loops for mine, loops in pairs]
    print(f"CPU time of {len(pairs)} clients: {ours:.1f} s, loop {bare:.1f} s: ratio {ours / bare:.3f}")
    print(f"  median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f} (goal {GOAL})")


if __name__ == "__main__":
    main()
