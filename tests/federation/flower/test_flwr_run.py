"""The two apps under Flower's own ``flwr run``, its clients in Ray actors: the bits of the local engine."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import fedprune
from fedprune import load_scenarios
from tests.conformance.battery import last_versions
from tests.conformance.everywhere import WRITTEN, everywhere
from tests.conformance.lost import assert_as_without_the_lost

from .home import Home, assert_same_but_for_envelopes, status

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'"
)

REPOSITORY = Path(fedprune.__file__).parent.parent
MEMBER = "sub_fedavg unstructured"
WITHIN_S = 900


class Flower(Home):
    """Flower's simulation."""

    def __init__(self) -> None:
        super().__init__()
        (self.folder / "config.toml").write_text(
            '[superlink.local]\naddress = ":local-in-memory:"\n', "utf-8"
        )

    def start(self, config: str, supernodes: int = 40) -> subprocess.Popen[str]:
        federation = f"num-supernodes={supernodes} client-resources-num-cpus=1 init-args-num-cpus=2"
        command = ["flwr", "run", ".", "local", "--stream", "--federation-config", federation]
        return subprocess.Popen(
            [*command, "--run-config", config],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, config: str, supernodes: int = 40) -> str:
        """``flwr run`` to its end; what it printed."""
        with self.start(config, supernodes) as process:
            said, _ = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, said
        return said

    def actors(self) -> list[psutil.Process]:
        """The processes of Ray's actors."""
        return [
            each for each in self.processes() if "ClientAppActor" in each.name() + "".join(each.cmdline())
        ]


@pytest.fixture(scope="module")
def flower() -> Iterator[Flower]:
    opened = Flower()
    try:
        yield opened
    finally:
        opened.close()
    assert not opened.processes()


def quickstart(overrides: str, runs: Path) -> str:
    """The configuration of a run of a member of the quickstart."""
    return f"member='{MEMBER}' overrides='{overrides}' runs='{runs}'"


@pytest.mark.cluster
def test_one_scenario_has_the_bits_of_the_local_engine(flower: Flower, tmp_path: Path) -> None:
    scenario = tmp_path / WRITTEN.file
    scenario.write_text(WRITTEN.content, "utf-8")
    said = flower.run(f"scenario='{scenario}' runs='{tmp_path / 'flower'}'", supernodes=2)
    ours = fedprune.run(everywhere(engine={"name": "in_process"}), out=tmp_path / "local")[0].folder
    theirs = tmp_path / "flower" / ours.name
    assert f"run folder: {theirs}" in said, said
    assert "round 6/6" in said, said
    assert status(theirs) == "complete"
    assert_same_but_for_envelopes(theirs, ours)
    assert last_versions(theirs) == last_versions(ours)


@pytest.mark.slow
def test_clients_that_fail_end_the_run_and_are_named_though_flwr_run_reports_success(
    flower: Flower, tmp_path: Path
) -> None:
    said = flower.run(quickstart("run.rounds=2 train.lr=1e9", tmp_path))
    (run,) = tmp_path.iterdir()
    assert status(run) == "failed"
    assert not (run / "results.json").exists()
    assert "round 1: 0 of 8 replies count" in said, said
    assert "training diverged" in said, said
    # Tracebacks name files: clients and server ran the bundle, not this checkout that they were started in.
    assert f"{flower.folder}/apps/" in said
    assert f"{REPOSITORY}/fedprune/" not in said, said


@pytest.mark.slow
def test_a_killed_ray_actor_ends_the_run_with_its_reason_and_a_resume_ends_it_well(
    flower: Flower, tmp_path: Path
) -> None:
    # Flower does not replace an actor, and hands a dead one most of the messages, as it fails them at once.
    said = ""
    with flower.start(quickstart("run.rounds=12", tmp_path)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if "round 1/12" in line:
                flower.actors()[0].kill()
    (run,) = tmp_path.iterdir()
    assert status(run) == "failed", said
    assert "ActorDiedError" in said, said
    assert not (run / "results.json").exists()
    fedprune.resume(run)
    assert status(run) == "complete"
    (scenario,) = [each for each in load_scenarios("quickstart", ["run.rounds=12"]) if each.label == MEMBER]
    assert_as_without_the_lost(scenario, run, tmp_path / "absent")
