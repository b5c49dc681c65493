"""A run talks to nobody: its processes open no connection but to this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fedprune.federation.flower.quiet import QUIET

WATCH = """
import ipaddress, os, sys

def here(address):
    if not isinstance(address, tuple):  # A socket in the file system.
        return True
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"

def note(said):
    with open(os.environ["ADDRESSES"], "a") as file:
        file.write(f"{os.getpid()} {said}\\n")

def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        address = (args[0] or "localhost",)
    else:
        return
    if not here(address):
        note(f"{event} {address}")
        raise ConnectionRefusedError(f"{event} {address}: watched, and refused")

sys.addaudithook(watch)
note("watched")
"""
"""The ``sitecustomize`` of every Python process: what would leave the machine is written down and refused."""

SCENARIO = """
[run]
rounds = 1
clients_per_round = 2
[partition]
clients = 2
shard_size = 20
[model]
name = "digits_cnn"
[engine]
workers = 1
"""


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    """The environment of processes that are watched; it says nothing about telemetry."""
    (tmp_path / "sitecustomize.py").write_text(WATCH, "utf-8")
    inherited = {name: value for name, value in os.environ.items() if name not in QUIET}
    paths = [str(tmp_path), *filter(None, [inherited.get("PYTHONPATH")])]
    return {**inherited, "PYTHONPATH": os.pathsep.join(paths), "ADDRESSES": str(tmp_path / "addresses")}


def test_the_watch_sees_and_refuses_what_would_leave_the_machine(watched: dict[str, str]) -> None:
    for reach in ("socket.create_connection(('192.0.2.1', 80))", "socket.getaddrinfo('example.org', 80)"):
        ended = subprocess.run(
            [sys.executable, "-c", f"import socket; {reach}"], env=watched, capture_output=True, text=True
        )
        assert "watched, and refused" in ended.stderr
    assert len(_left(watched)) == 2


def test_a_run_and_its_worker_open_no_connection_but_to_this_machine(
    watched: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "small.toml").write_text(SCENARIO, "utf-8")
    command = [sys.executable, "-m", "fedprune", "run", "small.toml", "--out", "runs"]
    subprocess.run(command, cwd=tmp_path, env=watched, check=True, capture_output=True)
    assert len({line.split()[0] for line in _noted(watched)}) >= 2, "the worker was not watched"
    assert _left(watched) == []


def _left(watched: dict[str, str]) -> list[str]:
    """What was written down of addresses elsewhere."""
    return [line for line in _noted(watched) if not line.endswith(" watched")]


def _noted(watched: dict[str, str]) -> list[str]:
    return Path(watched["ADDRESSES"]).read_text("utf-8").splitlines()
