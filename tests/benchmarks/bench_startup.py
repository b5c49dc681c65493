"""How long the command line takes to say something, as a new process each time.

Run ``python tests/benchmarks/bench_startup.py`` after ``pip install -e .``. The goal for --help: under 0.5 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "fedprune --help": ["-m", "fedprune", "--help"],
    "fedprune list": ["-m", "fedprune", "list"],
    "import fedprune": ["-c", "import fedprune"],
}
TIMES = 9


def seconds(arguments: list[str]) -> float:
    """Time of one interpreter from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the median, smallest and largest time of each command."""
    for name, arguments in COMMANDS.items():
        seconds(arguments)  # The first one reads from a cold disk.
        taken = [seconds(arguments) for _ in range(TIMES)]
        median = statistics.median(taken)
        print(f"{name:16} median {median:.2f} s, {min(taken):.2f} to {max(taken):.2f} s")


if __name__ == "__main__":
    main()
