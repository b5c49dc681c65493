"""Ray's actors beside Flower's own Ray simulation without training, and beside worker processes with it.

Run ``python tests/benchmarks/bench_ray.py [pairs]`` after ``pip install -e '.[ray]'``, and with ``--train``
for rounds of the paper's setting (FEDPRUNE_DATA as for bench_round.py). Both sides run by turns, each in a
process of its own. The goals: a round of 100 clients that echo LeNet-5's 248 kB at least 10 times faster than
Flower's, the start at most half as long, the driver moving the replies and one copy of what it sends, and a
round of training at most 1.1 times as long as with two worker processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flwr.app import ConfigRecord, Message, RecordDict

CLIENTS, ACTORS, ROUNDS = 100, 2, 6
PAYLOAD_BYTES = 62_006 * 4
APPS = Path(__file__).parents[1] / "engines"


def rounds_of(nodes: list[int], exchange: Callable[[list[Message]], list[Message]], began: float) -> None:
    """Print the seconds until the first round is over, and of each round after it."""
    seconds = []
    for _ in range(1 + ROUNDS):
        # As a dense method's weights: other ones in each round, the same ones for all clients.
        payload = os.urandom(PAYLOAD_BYTES)
        content = RecordDict({"update": ConfigRecord({"blob": payload})})
        messages = [Message(content, node, "query", group_id="1") for node in nodes]
        before = time.perf_counter()
        replies = exchange(messages)
        seconds.append(time.perf_counter() - before)
        if not seconds[1:]:
            started = time.perf_counter() - began
        assert [reply.content["update"]["blob"] == payload for reply in replies] == [True] * CLIENTS
    print(json.dumps({"start": started, "rounds": seconds[1:]}))


def ours() -> None:
    """The rounds on our actors, and what the driver moved for each."""
    began = time.perf_counter()
    from fedprune.engines import actors
    from fedprune.engines.crews.ray import Ray
    from fedprune.engines.grid import open_grid

    moved = 0

    class Counted(actors.CommonPart):
        def __init__(self, put: Callable[[bytes], Any]) -> None:
            def counted(message: bytes) -> Any:
                nonlocal moved
                moved += len(message)
                return put(message)

            super().__init__(counted)

        def parcel(self, message: bytes) -> Any:
            nonlocal moved
            made = super().parcel(message)
            moved += len(made.own)
            return made

    actors.CommonPart = Counted  # type: ignore[misc]
    with open_grid(Ray(actors=ACTORS), client_app="echo_app:app", nodes=CLIENTS) as grid:
        rounds_of(grid.get_node_ids(), grid.send_and_receive, began)
    print(json.dumps({"sent": moved / (1 + ROUNDS)}))


def flowers() -> None:
    """The rounds on the actors of Flower's simulation."""
    began = time.perf_counter()
    from echo_app import app
    from flwr.serverapp import ServerApp
    from flwr.simulation import run_simulation

    server = ServerApp()

    @server.main()
    def main(grid: Any, context: Any) -> None:
        while len(nodes := list(grid.get_node_ids())) < CLIENTS:
            time.sleep(0.05)
        rounds_of(nodes, lambda messages: list(grid.send_and_receive(messages)), began)

    backend = {"client_resources": {"num_cpus": 1}, "init_args": {"num_cpus": ACTORS}}
    run_simulation(server, app, CLIENTS, backend_config=backend)  # type: ignore[arg-type]


def measured(side: str) -> dict[str, Any]:
    """What a side prints, in a process of its own."""
    from fedprune.federation.flower.quiet import QUIET

    path = os.pathsep.join([str(APPS), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as home:
        # Flower's simulation joins a cluster that it finds in Ray's folder: it gets one of its own.
        own = {"PYTHONPATH": path, "FLWR_HOME": home, "RAY_TMPDIR": home}
        environment = {**os.environ, **QUIET, **own}
        command = [sys.executable, __file__, "--side", side]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(done.stderr)
    return {key: value for line in lines for key, value in line.items()}


def without_training(pairs: int) -> None:
    """Both sides by turns."""
    ratios = []
    for _ in range(pairs):
        mine, theirs = measured("ours"), measured("flowers")
        ours_s, flowers_s = (statistics.median(each["rounds"]) for each in (mine, theirs))
        ratios.append((flowers_s / ours_s, mine["start"] / theirs["start"]))
        print(
            f"round: ours {ours_s:.3f} s, Flower's {flowers_s:.3f} s, {ratios[-1][0]:.1f} times faster; "
            f"start: {mine['start']:.1f} s against {theirs['start']:.1f} s, {ratios[-1][1]:.2f}; sent by the "
            f"driver in a round: {mine['sent'] / 1e3:.0f} of {CLIENTS * PAYLOAD_BYTES / 1e3:.0f} kB",
            flush=True,
        )
    rounds, starts = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(f"median of {pairs}: {rounds:.1f} times faster (goal 10), start {starts:.2f} (goal 0.5)")


def with_training(pairs: int) -> None:
    """A round of the paper's setting on actors over one on worker processes, by turns."""
    from bench_round import SETTING

    import fedprune
    from fedprune.progress import Progress

    class Seconds(Progress):
        def __init__(self) -> None:
            self.rounds: list[float] = []

        def round_finished(self, record: Mapping[str, Any]) -> None:
            self.rounds.append(record["seconds"])
            if len(self.rounds) == 4:
                raise KeyboardInterrupt

    def seconds(engine: dict[str, Any]) -> float:
        told, run = Seconds(), {"rounds": 5, "clients_per_round": 10}
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
            fedprune.run({**SETTING, "run": run, "engine": engine}, out=folder, progress=told)
        # The first one waits for workers to start, and for what they read once.
        return statistics.median(told.rounds[1:])

    ratios = []
    for _ in range(pairs):
        processes = seconds({"name": "processes", "workers": ACTORS})
        actors = seconds({"name": "ray", "actors": ACTORS})
        ratios.append(actors / processes)
        print(f"{actors:.2f} s on actors, {processes:.2f} s in processes, {ratios[-1]:.3f}", flush=True)
    print(f"median of {pairs}: {statistics.median(ratios):.3f} (goal 1.1)")


def main(arguments: list[str]) -> None:
    """One side, or both."""
    if arguments[:1] == ["--side"]:
        {"ours": ours, "flowers": flowers}[arguments[1]]()
        return
    train = "--train" in arguments
    counts = [int(each) for each in arguments if each.isdecimal()]
    (with_training if train else without_training)(*(counts or [3]))


if __name__ == "__main__":
    main(sys.argv[1:])
