"""What clients cost the driver that are not in a round: its peak memory with 10,000 clients and with 100.

Run ``python tests/benchmarks/bench_memory.py`` after ``pip install -e .``; FEDPRUNE_DATA may name a
folder that holds mnist/*.parquet, else the set comes from the hub. Each run has its own process, whose worker
processes are not counted: 5 rounds of 10 clients, and the final evaluation of all of them. The goal: a ratio
of at most 1.3.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time

FEW, MANY, GOAL = 100, 10_000, 1.3


def drive(clients: int) -> None:
    """Run in this process; print its peak resident memory in MB and the seconds taken."""
    import fedprune

    scenario = {
        "run": {"name": "bench", "rounds": 5},
        "data": {"name": "mnist"},
        "partition": {"name": "shards", "clients": clients, "test": "partition"},
        "model": {"name": "mnist_cnn"},
        "train": {"epochs": 1, "batch_size": 10},
        "strategy": {"name": "sub_fedavg"},
        "evaluate": {"every": 5},
    }
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        fedprune.run(scenario, out=folder)
    seconds = time.perf_counter() - start
    # In kilobytes on Linux; never less than what the process that started this one had, which is little.
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds)


def measure(clients: int) -> float:
    """Peak resident memory of a driver with so many clients, in MB."""
    done = subprocess.run(
        [sys.executable, __file__, str(clients)], stdout=subprocess.PIPE, text=True, check=True
    )
    memory, seconds = map(float, done.stdout.split())
    print(f"{clients:6} clients: {memory:.0f} MB at most, {seconds:.0f} s", flush=True)
    return memory


def main() -> None:
    """Print both peaks and their ratio."""
    measure(FEW)  # Decodes the set, if need be, which takes memory of its own.
    few, many = measure(FEW), measure(MANY)
    print(f"ratio: {many / few:.2f} (goal {GOAL})")


if __name__ == "__main__":
    drive(int(sys.argv[1])) if len(sys.argv) > 1 else main()
