"""What a round costs beside training: 100 clients that echo LeNet-5's 248 kB, with 0, 1 and 2 workers.

Run ``python tests/benchmarks/bench_noop_round.py`` after ``pip install -e .``. The goal: a median under
0.15 s with 2.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

from flwr.app import ConfigRecord, Message, RecordDict

from fedprune.engines.crews.in_process import InProcess
from fedprune.engines.crews.processes import Processes
from fedprune.engines.grid import CrewGrid, open_grid

CLIENTS = 100
PAYLOAD = os.urandom(62_006 * 4)
ROUNDS = 20


def round_seconds(grid: CrewGrid) -> float:
    """Seconds of one round, making the messages and checking the replies left out."""
    messages = [
        Message(RecordDict({"update": ConfigRecord({"blob": PAYLOAD})}), node, "query")
        for node in grid.get_node_ids()
    ]
    start = time.perf_counter()
    replies = grid.send_and_receive(messages)
    seconds = time.perf_counter() - start
    assert all(reply.content["update"]["blob"] == PAYLOAD for reply in replies)
    return seconds


def main() -> None:
    """Print first, median and best round for each number of workers."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "engines"))
    for workers in (0, 1, 2):
        engine = Processes(workers) if workers else InProcess()
        with open_grid(engine, client_app="echo_app:app", nodes=CLIENTS) as grid:
            first, *rest = [round_seconds(grid) for _ in range(1 + ROUNDS)]
        median, best = statistics.median(rest), min(rest)
        print(f"workers={workers}: first {first:.2f} s, then median {median:.3f} s, best {best:.3f} s")


if __name__ == "__main__":
    main()
