"""A real Ray cluster of two nodes on this machine, and the runs that its tests compare."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from fedprune import simulate
from fedprune.federation.flower.quiet import keep_flower_quiet
from fedprune.scenario import Scenario
from tests.conformance.battery import bits
from tests.conformance.everywhere import everywhere


def federation(engine: dict[str, Any], seed: int = 0, rounds: int = 6) -> Scenario:
    """The scenario that runs everywhere, of more clients than actors, so that some wait and some are lost."""
    run = {"rounds": rounds, "clients_per_round": 4, "seed": seed}
    return everywhere(run=run, partition={"clients": 6}, engine=engine)


def came_to(scenario: Scenario, out: Path) -> dict[str, Any]:
    """Every bit that a run of a scenario comes to."""
    return bits(simulate.run(scenario, out=out)[0].folder)


@contextmanager
def connected_cluster() -> Iterator[Any]:
    """Two nodes with a processor each; this process is connected to the first."""
    # A test cluster writes its address into Ray's folder, and any ``ray.init()`` on this machine that finds
    # it there joins. Flower's simulation did, and its actors took the processors of those that were to be
    # replaced. The name is short, as Ray keeps sockets below it.
    with (
        tempfile.TemporaryDirectory(prefix="fp", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_TMPDIR", folder)
        with _cluster() as cluster:
            yield cluster


@contextmanager
def _cluster() -> Iterator[Any]:
    keep_flower_quiet()
    import ray
    from ray.cluster_utils import Cluster

    before = set(psutil.Process().children(recursive=True))
    # The driver's own would give its actors its own node first.
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        for process in set(psutil.Process().children(recursive=True)) - before:
            process.kill()


def actor_processes() -> list[psutil.Process]:
    """The processes of all actors that work for this one, wherever they are in the cluster."""
    mine = os.getpid()
    found = []
    for process in psutil.Process(mine).children(recursive=True):
        try:
            if "RemoteWorker" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found
