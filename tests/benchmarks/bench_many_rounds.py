"""Whether a long run grows: memory and descriptors of the driver and of a worker, over many rounds of 50
clients.

Run ``python tests/benchmarks/bench_many_rounds.py [rounds]`` after ``pip install -e .``; 1,000 rounds unless
given. It prints what each process holds ten times on the way, and how fast its memory grew over the second
half of the rounds: the slope of the least-squares line through one measurement a round. The goals: under 0.1
MB a round, and as many descriptors at the end as after a tenth of the rounds.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import psutil

import fedprune
from fedprune.progress import Progress

MOST_MB = 0.1


def setting(rounds: int) -> dict[str, dict[str, Any]]:
    """Clients with little to learn, whose masks, residuals and own weights are kept all the same."""
    return {
        "run": {"rounds": rounds, "clients_per_round": 50, "checkpoint_every": 10},
        "partition": {"name": "shards", "clients": 50, "shards_per_client": 1, "shard_size": 20},
        "model": {"name": "mlp", "hidden": [8]},
        "train": {"epochs": 1, "batch_size": 20, "lr": 0.05},
        "strategy": {"name": "sub_fedavg", "gate": 0.0, "step": 0.05},
        "uplink": {"base": "update", "values": "uniform", "bits": 4, "feedback": "residual"},
        "evaluate": {"every": 100},
        "engine": {"workers": 1},
    }


class Meter(Progress):
    """Megabytes and descriptors of every process, round by round."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.memory: dict[str, list[float]] = defaultdict(list)
        self.descriptors: dict[str, list[int]] = defaultdict(list)

    def round_finished(self, record: Mapping[str, Any]) -> None:
        assert not record["failed"]
        driver = psutil.Process()
        for name, process in [("driver", driver), *(("worker", each) for each in driver.children())]:
            self.memory[name].append(process.memory_info().rss / 1e6)
            self.descriptors[name].append(process.num_fds())
            if record["round"] % max(1, self._rounds // 10) == 0:
                held = f"{self.memory[name][-1]:.1f} MB, {self.descriptors[name][-1]} descriptors"
                print(f"round {record['round']:4}, {name}: {held}", flush=True)


def main(rounds: int) -> bool:
    """Whether every process stayed within the goals."""
    meter, well = Meter(rounds), True
    with tempfile.TemporaryDirectory() as folder:
        fedprune.run(setting(rounds), out=folder, progress=meter)
    for name, memory in meter.memory.items():
        half = np.array(memory[len(memory) // 2 :])
        slope = np.polyfit(np.arange(len(half)), half, 1)[0]
        early, late = meter.descriptors[name][rounds // 10], meter.descriptors[name][-1]
        print(f"{name}: {slope:+.4f} MB a round, {early} descriptors, then {late}")
        well &= slope < MOST_MB and early == late
    return well


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
