"""What a population costs that takes no part: the same rounds with 1,000, 100,000 and 1,000,000 clients.

Run ``python tests/benchmarks/bench_population.py`` after ``pip install -e .``, with other numbers of clients
if need be. Each population has a process of its own, whose workers are counted: 6 rounds of 100 clients under
their own masks, each with 50 samples drawn from digits, and the final evaluation of 200 of them. CPU seconds
are those of all processes, which other work on the machine moves less than wall-clock seconds. The goals, for
100,000 clients: under 2 GiB over all processes, rounds within 1.2 of those with 1,000, a start within 30 s.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

import psutil

POPULATIONS = (1_000, 100_000, 1_000_000)
ROUNDS, SAMPLED, EVALUATED = 6, 100, 200


def drive(clients: int) -> None:
    """Run in this process; print what it took as JSON."""
    began = psutil.Process().create_time()
    import fedprune
    from fedprune.progress import Progress

    seconds: list[float] = []
    spent: list[float] = []
    started: list[float] = []

    class Clock(Progress):
        """Notes when the run begins, and what its rounds take."""

        def run_started(self, *args: Any) -> None:
            started.append(time.time() - began)
            spent.append(cpu_seconds())

        def round_finished(self, record: Mapping[str, Any]) -> None:
            seconds.append(record["seconds"])
            spent.append(cpu_seconds())

    scenario = {
        "run": {"name": "bench", "rounds": ROUNDS, "clients_per_round": SAMPLED},
        "data": {"name": "digits"},
        "partition": {"name": "drawn", "clients": clients, "alpha": 0.3},
        "model": {"name": "digits_cnn"},
        "train": {"epochs": 1, "batch_size": 10},
        "strategy": {"name": "sub_fedavg"},
        "evaluate": {"every": 0, "clients": EVALUATED},
    }
    with tempfile.TemporaryDirectory() as folder:
        (result,) = fedprune.run(scenario, out=folder, progress=Clock())
        files = [path for path in result.folder.rglob("*") if path.is_file()]
        most = max(len(list(path.iterdir())) for path in [result.folder, *result.folder.rglob("*/")])
        disk = sum(path.stat().st_size for path in files)
    total = time.time() - began
    print(
        json.dumps(
            {
                "start": started[0],
                "start_cpu": spent[0],
                "round": statistics.median(seconds[1:]),
                "cpu": statistics.median(after - before for before, after in pairwise(spent[1:])),
                "total": total,
                "disk": disk,
                "largest": most,
            }
        )
    )


def cpu_seconds() -> float:
    """What this process and all that it started have computed so far."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def peak(process: psutil.Process, found: list[int], over: threading.Event) -> None:
    """Add to ``found`` the resident bytes of a process and all that it started, until it is ``over``."""
    while not over.wait(0.05):
        with suppress(psutil.NoSuchProcess):
            each = [process, *process.children(recursive=True)]
            found.append(sum(one.memory_info().rss for one in each))


def measure(clients: int) -> dict[str, float]:
    """What a run with so many clients takes: seconds, bytes, and entries of its largest folder."""
    child = subprocess.Popen(
        [sys.executable, __file__, "drive", str(clients)], stdout=subprocess.PIPE, text=True
    )
    found, over = [0], threading.Event()
    watcher = threading.Thread(target=peak, args=(psutil.Process(child.pid), found, over))
    watcher.start()
    said, _ = child.communicate()
    over.set()
    watcher.join()
    if child.returncode:
        raise SystemExit(child.returncode)
    return {**json.loads(said.splitlines()[-1]), "memory": max(found)}


def main(populations: tuple[int, ...]) -> None:
    """Print what each population takes, and as a ratio to the first."""
    head = (
        "clients",
        "start s",
        "CPU s to start",
        "s a round",
        "CPU s a round",
        "memory MB",
        "disk MB",
        "largest folder",
        "all s",
    )
    print(" ".join(f"{title:>14}" for title in head))
    first: dict[str, float] = {}
    for clients in populations:
        got = measure(clients)
        first = first or got
        texts = (
            f"{clients:,}",
            f"{got['start']:.1f} ({got['start'] / first['start']:.2f})",
            f"{got['start_cpu']:.1f} ({got['start_cpu'] / first['start_cpu']:.2f})",
            f"{got['round']:.2f} ({got['round'] / first['round']:.2f})",
            f"{got['cpu']:.2f} ({got['cpu'] / first['cpu']:.2f})",
            f"{got['memory'] / 1e6:.0f} ({got['memory'] / first['memory']:.2f})",
            f"{got['disk'] / 1e6:.1f} ({got['disk'] / first['disk']:.2f})",
            f"{got['largest']:.0f}",
            f"{got['total']:.0f}",
        )
        print(" ".join(f"{text:>14}" for text in texts), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        drive(int(sys.argv[2]))
    else:
        main(tuple(map(int, sys.argv[1:])) or POPULATIONS)
