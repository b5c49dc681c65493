"""Ray's actors give the bits of this process, whichever of them and of their nodes die meanwhile."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from fedprune import simulate
from fedprune.engines.crews.ray import Ray
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario, ScenarioError
from tests.conformance.battery import bits, records
from tests.conformance.everywhere import everywhere

from .ray_cluster import actor_processes, came_to, connected_cluster, federation

AUTO = {"name": "ray", "address": "auto"}

# Ray leaves files of its own open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
on_ray = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with one processor each."""
    with connected_cluster() as connected:
        yield connected


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every bit of the federation from this process."""
    return came_to(federation({"name": "in_process"}), tmp_path_factory.mktemp("in_process"))


@pytest.fixture(scope="module")
def everywhere_expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every bit of the scenario that runs everywhere, from this process."""
    return came_to(everywhere(engine={"name": "in_process"}), tmp_path_factory.mktemp("everywhere"))


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"actors": 0}, "actors"),
        ({"cpus": 0.0}, "cpus"),
        ({"gpus": -1.0}, "gpus"),
        ({"retries": -1}, "retries"),
    ],
)
def test_keys_that_make_no_sense_are_refused(keys: dict[str, Any], named: str) -> None:
    with pytest.raises(ScenarioError, match=named):
        federation({"name": "ray", **keys})


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="ray://HOST:PORT"):
        Ray(address="somewhere")


def test_one_scenario_has_the_bits_of_this_process_in_worker_processes(
    everywhere_expected: dict[str, Any], tmp_path: Path
) -> None:
    assert came_to(everywhere(engine={"name": "processes", "workers": 2}), tmp_path) == everywhere_expected


@on_ray
@pytest.mark.parametrize("actors", [1, 2])
def test_one_scenario_has_the_bits_of_this_process_on_a_ray_of_its_own(
    everywhere_expected: dict[str, Any], actors: int, tmp_path: Path
) -> None:
    import ray

    assert not ray.is_initialized(), "the run would join that one"
    assert came_to(everywhere(engine={"name": "ray", "actors": actors}), tmp_path) == everywhere_expected


@on_ray
@pytest.mark.parametrize(("shared", "transport"), [(False, "sockets"), (True, "ray")])
def test_one_scenario_has_the_bits_of_this_process_on_two_nodes(
    cluster: Any,
    everywhere_expected: dict[str, Any],
    shared: bool,
    transport: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if transport == "ray":
        # An address that this machine does not have, as behind a firewall: nobody can listen there.
        monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "203.0.113.1")
    on_both = everywhere(engine={**AUTO, "actors": 2, "shared": shared})
    assert came_to(on_both, tmp_path) == everywhere_expected
    (file,) = tmp_path.glob("*/environment.json")
    assert f'"transport": "{transport}"' in file.read_text("utf-8")


@on_ray
def test_an_actor_that_is_killed_is_replaced_and_its_client_done_again(
    cluster: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    with killing(actor_processes, times=2):
        assert came_to(federation({**AUTO, "actors": 2, "retries": 3}), tmp_path) == expected


@on_ray
def test_a_client_of_a_killed_actor_is_reported_lost_where_nothing_is_retried(
    cluster: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    lost = federation({**AUTO, "actors": 2, "retries": 0})
    with killing(actor_processes, times=1):
        (made,) = simulate.run(lost, out=tmp_path)
    rounds = records(made.folder, "rounds.jsonl")
    lost_clients = [each for round in rounds for each in round["failed"]]
    assert len(rounds) == 6
    assert all("its Ray actor ended" in each["reason"] for each in lost_clients)
    assert lost_clients or bits(made.folder) == expected


@on_ray
def test_a_node_that_is_lost_loses_nothing_that_the_server_accepted(
    cluster: Any, expected: dict[str, Any], tmp_path: Path
) -> None:
    with losing_a_node(cluster):
        assert came_to(federation({**AUTO, "actors": 3}), tmp_path) == expected


@on_ray
def test_members_of_a_sweep_beside_each_other_outlive_the_loss_of_a_node_that_one_of_them_has(
    cluster: Any, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    # As many actors as there are processors, so that some member has one on the node that is lost.
    members = [federation({**AUTO, "actors": actors}, seed=actors - 1) for actors in (1, 2)]
    node = cluster.add_node(num_cpus=1)
    with once_at_work(members, tmp_path, lambda: cluster.remove_node(node, allow_graceful=False)):
        first, second = simulate.run(members, out=tmp_path, jobs=2)
    assert bits(first.folder) == expected
    assert bits(second.folder) == came_to(federation({"name": "in_process"}, seed=1), tmp_path / "alone")


@pytest.mark.slow
def test_a_member_of_a_sweep_that_was_interrupted_goes_on_without_the_others(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    # Long enough that the interrupt finds both of them at work.
    first, second = (federation({**AUTO, "actors": 1}, seed, rounds=25) for seed in (0, 1))
    # A shell that starts tests in the background has them ignore interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), once_at_work([first, second], tmp_path, interrupt):
        simulate.run([first, second], out=tmp_path, jobs=2)
    signal.signal(signal.SIGINT, before)
    states = [RunFolder(tmp_path / each.run_id()).read_status()["state"] for each in (first, second)]
    assert states == ["stopped", "stopped"]
    resumed = simulate.resume(tmp_path / first.run_id())
    assert bits(resumed.folder) == came_to(federation({"name": "in_process"}, rounds=25), tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["actor", "node"])
def test_ten_kills_of_each_at_random_instants_give_the_same_bits(
    cluster: Any, expected: dict[str, Any], victim: str, tmp_path: Path
) -> None:
    for number in range(10):
        if victim == "actor":
            with killing(actor_processes, times=1):
                assert came_to(federation({**AUTO, "actors": 2}), tmp_path / str(number)) == expected
        else:
            with losing_a_node(cluster):
                assert came_to(federation({**AUTO, "actors": 3}), tmp_path / str(number)) == expected


@contextmanager
def once_at_work(members: list[Scenario], out: Path, act: Callable[[], None]) -> Iterator[None]:
    """Calls ``act`` as soon as each of the runs has done a round; fails where they were over before."""
    logs = [out / member.run_id() / "rounds.jsonl" for member in members]
    acted, over = threading.Event(), threading.Event()

    def wait() -> None:
        while not over.wait(0.02):
            if all(log.exists() and log.stat().st_size for log in logs):
                acted.set()
                act()
                return

    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()
        assert acted.is_set(), "the runs were over before"


@contextmanager
def losing_a_node(cluster: Any) -> Iterator[None]:
    """Another node that is lost at a random instant."""
    node = cluster.add_node(num_cpus=1)
    lose = threading.Timer(random.uniform(0, 8), lambda: cluster.remove_node(node, allow_graceful=False))
    lose.start()
    try:
        yield
    finally:
        lose.join()


class killing:  # noqa: N801  # Read as a word where it is used.
    """Kills one of the processes that ``find`` finds, again and again at random instants."""

    def __init__(self, find: Callable[[], list[Any]], times: int) -> None:
        self._find, self._times, self._over = find, times, threading.Event()
        self._thread = threading.Thread(target=self._kill)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _kill(self) -> None:
        for _ in range(self._times):
            while not (there := self._find()):
                if self._over.wait(0.05):
                    return
            if self._over.wait(random.uniform(0.2, 2)):
                return
            # It may have ended by itself, with the run.
            with suppress(psutil.Error):
                random.choice(there).kill()
            time.sleep(0.5)
