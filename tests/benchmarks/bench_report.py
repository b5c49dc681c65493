"""What a report on 20 runs of 300 rounds with 100 clients costs, every client in every round.

Run ``python tests/benchmarks/bench_report.py`` after ``pip install -e .``. The folders are made up (600,000
lines, written by the code that writes real ones) and are not counted. The goal: 10 s and 5 MB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METHODS, SEEDS, ROUNDS, CLIENTS = 5, 4, 300, 100
GOAL_SECONDS, GOAL_MEGABYTES = 10, 5


def main() -> None:
    """Print seconds of the whole command (and of processor time), and megabytes of the HTML file."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))
    from synthetic import write_run

    with tempfile.TemporaryDirectory() as scratch:
        sizes = {"rounds": ROUNDS, "clients": CLIENTS, "sampled": CLIENTS, "every": 1}
        runs = [
            write_run(Path(scratch), f"method {method}", seed=seed, **sizes)
            for method in range(METHODS)
            for seed in range(SEEDS)
        ]
        target = Path(scratch) / "report.html"
        start = time.perf_counter()
        command = [sys.executable, "-m", "fedprune", "report", *map(str, runs), "--out", str(target)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        megabytes = target.stat().st_size / 1e6
    busy = used.ru_utime + used.ru_stime
    print(f"{len(runs)} runs: {seconds:.1f} s (goal {GOAL_SECONDS}; {busy:.1f} s of processor time)")
    print(f"{megabytes:.2f} MB (goal {GOAL_MEGABYTES})")


if __name__ == "__main__":
    main()
