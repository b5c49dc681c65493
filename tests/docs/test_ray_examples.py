"""The files for clusters in docs/examples/ray are what Ray's launcher, Kubernetes and a shell can read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fedprune import cli

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "ray"


def read(name: str) -> Any:
    yaml = pytest.importorskip("yaml", reason="Ray is not installed: pip install '.[ray]'")
    return yaml.safe_load((EXAMPLES / name).read_text())


def test_the_launchers_file_starts_ray_on_all_nodes() -> None:
    made = read("cluster.yaml")
    assert made["provider"]["type"] == "local"
    assert "--head" in made["head_start_ray_commands"][-1]
    assert "--address=$RAY_HEAD_IP" in made["worker_start_ray_commands"][-1]


def test_the_manifest_runs_a_command_that_is_one_with_clients_on_the_workers_alone() -> None:
    job = read("kuberay.yaml")["spec"]
    cluster = job["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    images = {
        group["template"]["spec"]["containers"][0]["image"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    }
    assert len(images) == 1
    program, *arguments = job["entrypoint"].split()
    parsed = cli.parser().parse_args(arguments)
    assert (program, parsed.engine, parsed.set) == ("fedprune", "ray", ["engine.address=auto"])


def test_the_slurm_script_starts_a_cluster_of_the_jobs_nodes_and_then_the_driver(tmp_path: Path) -> None:
    """With stand-ins for Slurm's commands, Ray's and ours, which write down how they are called."""
    log = tmp_path / "log"
    for name, body in {
        "scontrol": "printf 'first\\nsecond\\n'",
        "srun": f'echo "srun $*" >> {log}',
        "ray": "true",
        "fedprune": f'sleep 1; echo "fedprune $* at $RAY_ADDRESS" >> {log}',
    }.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "x", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "16"}
    done = subprocess.run(
        ["bash", EXAMPLES / "slurm.sh", "quickstart"],
        env={**os.environ, **slurm, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    assert lines[-1] == "fedprune run quickstart --engine ray --set engine.address=auto at first:6379"
    each = "srun --nodes=1 --ntasks=1 --overlap"
    assert sorted(lines[:-1]) == [
        f"{each} --exclude=first ray start --address=first:6379 --num-cpus=16 --block",
        f"{each} --nodelist=first ray start --head --port=6379 --num-cpus=16 --block",
    ]
