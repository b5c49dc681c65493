"""The two apps under Flower's own ``flwr run``, its clients in Ray actors: the bits of the local engine."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import fedprune
from fedprune import load_scenarios

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install '.[ray]'"
    ),
]

REPOSITORY = Path(fedprune.__file__).parent.parent
MEMBER = "sub_fedavg unstructured"
FEDERATION = "num-supernodes=20 client-resources-num-cpus=1 init-args-num-cpus=2"
OF_CLOCK_AND_ENVELOPE = (
    "seconds",
    "time",
    "bytes_up",
    "bytes_down",
    "bytes_up_overhead",
    "bytes_down_overhead",
)
"""Fields that may differ: Flower's own messages have longer ids and one piece of metadata more."""


class Flower:
    """Flower with a home and ports of its own; ``close`` ends every process that knows that home."""

    def __init__(self) -> None:
        # Short, as Ray keeps sockets under it, whose paths are short.
        self.home = Path(tempfile.mkdtemp(prefix="fp"))
        (self.home / "config.toml").write_text('[superlink.local]\naddress = ":local-in-memory:"\n', "utf-8")
        binaries = str(Path(sys.executable).parent)
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
            "FLWR_HOME": str(self.home),
            "FLWR_LOCAL_SUPERLINK_HTTP_API_PORT": str(free_port()),
            "FLWR_LOCAL_CONTROL_API_PORT": str(free_port()),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(self.home),
            "FEDPRUNE_RUNS": str(self.home / "nowhere"),
        }

    def run(self, overrides: str, runs: Path) -> str:
        """``flwr run`` to its end; what it printed."""
        config = f"member='{MEMBER}' overrides='{overrides}' runs='{runs}'"
        command = ["flwr", "run", ".", "local", "--stream", "--federation-config", FEDERATION]
        done = subprocess.run(
            [*command, "--run-config", config],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("FLWR_HOME") == str(self.home):
                    found.append(process)
        return found

    def close(self) -> None:
        left = self.processes()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.home)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def flower() -> Iterator[Flower]:
    opened = Flower()
    try:
        yield opened
    finally:
        opened.close()
    assert not opened.processes()


def lines(path: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [
        {key: value for key, value in record.items() if key not in OF_CLOCK_AND_ENVELOPE}
        for record in records
    ]


def test_flwr_run_gives_the_bits_of_the_local_engine(flower: Flower, tmp_path: Path) -> None:
    overrides = ["run.rounds=2", "evaluate.every=1"]
    said = flower.run(" ".join(overrides), tmp_path / "flower")
    (scenario,) = [each for each in load_scenarios("quickstart", overrides) if each.label == MEMBER]
    ours = fedprune.run(scenario, out=tmp_path / "local")[0].folder
    theirs = tmp_path / "flower" / ours.name
    assert f"run folder: {theirs}" in said, said
    assert f"{MEMBER}: round 2/2" in said, said
    assert json.loads((theirs / "status.json").read_text("utf-8"))["state"] == "complete"
    finals = sorted(path.name for path in (ours / "final").iterdir())
    assert "weights.safetensors" in finals
    assert sorted(path.name for path in (theirs / "final").iterdir()) == finals
    for name in finals:
        assert (theirs / "final" / name).read_bytes() == (ours / "final" / name).read_bytes(), name
    for name in ("rounds.jsonl", "clients.jsonl"):
        assert lines(theirs / name) == lines(ours / name)


def test_clients_that_fail_end_the_run_and_are_named_though_flwr_run_reports_success(
    flower: Flower, tmp_path: Path
) -> None:
    said = flower.run("run.rounds=2 train.lr=1e9", tmp_path)
    (run,) = tmp_path.iterdir()
    assert json.loads((run / "status.json").read_text("utf-8"))["state"] == "failed"
    assert not (run / "results.json").exists()
    assert "round 1: 0 of 8 replies count" in said, said
    assert "training diverged" in said, said
    # Tracebacks name files: clients and server ran the bundle, not this checkout that they were started in.
    assert f"{flower.home}/apps/" in said
    assert f"{REPOSITORY}/fedprune/" not in said, said
