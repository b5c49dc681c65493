"""The same account under Flower's own simulation, with clients in Ray actors: needs Ray and half a minute."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fedprune.federation.flower.quiet import QUIET

EACH = re.compile(r"^node \d+, .*$", re.MULTILINE)
ROOT = Path(__file__).parents[2]

SPIED = '''
"""head_only, with the mod's log of every process in one file."""

import logging, os
import head_only
from flwr.clientapp import ClientApp

logging.basicConfig(filename=os.environ["SPIED_LOG"], format="%(message)s")
logging.getLogger("fedprune.flower").setLevel(logging.INFO)

app = ClientApp()


@app.train()
def train(message, context):
    return head_only.app(message, context)


@app.evaluate()
def evaluate(message, context):
    return head_only.app(message, context)
'''

DRIVER = """
import head_only, spied
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation

server = ServerApp()


@server.main()
def main(grid, context):
    counting, accuracy = head_only.federate(grid)
    each = counting.account.by("node", "round", "kind", "way")
    for node, round, kind in {key[:3]: None for key in each}:
        down, up = each[node, round, kind, "down"], each[node, round, kind, "up"]
        print(f"node {node}, round {round}, {kind}: {down} down, {up} up")


run_simulation(server, spied.app, 4, backend_config={"client_resources": {"num_cpus": 1}})
"""


@pytest.mark.slow
def test_the_mod_in_rays_actors_and_the_grid_in_the_server_count_the_same(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    (tmp_path / "spied.py").write_text(SPIED)
    log = tmp_path / "mod.log"
    path = [tmp_path, ROOT, ROOT / "docs" / "examples" / "flower"]
    # A Ray of its own, whatever cluster there is on this machine.
    alone = {**QUIET, "RAY_ADDRESS": "local", "PYTHONPATH": os.pathsep.join(map(str, path))}
    environment = {**os.environ, **alone}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        env={**environment, "SPIED_LOG": str(log), "FLWR_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    server = set(EACH.findall(done.stdout))
    assert done.returncode == 0, done.stderr
    # In the first round Flower may ask only those of the four that are up by then.
    assert 12 <= len(server) <= 16
    # Flower logs into the same file.
    assert set(EACH.findall(log.read_text())) == server
