"""Every example of a user's file does its part in a run: what its kind asks it to define is called there.

``test_every_plugin`` finds the files and loads them; here a scenario names each, whose settings are written
once for a kind.
"""

from __future__ import annotations

import ast
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import fedprune
from fedprune.plugins import KINDS
from fedprune.score import UNKNOWN
from fedprune.tickets import lab

from .test_every_plugin import taken

SMALL: dict[str, Any] = {
    "run": {"rounds": 1, "clients_per_round": 2, "keep_history": True},
    "data": {"name": "digits"},
    "partition": {"name": "iid", "clients": 4},
    "model": {"name": "mlp", "hidden": [8]},
    "train": {"epochs": 1, "batch_size": 50},
    "strategy": {"name": "fedavg"},
    "engine": {"name": "in_process"},
}

THREADS = Path(__file__).parents[1] / "engines" / "thread_engine.py"
PRUNING = {"name": "sub_fedavg", "step": 0.5, "distance": 0.0, "gate": 0.0}


def settings(kind: str, name: str) -> dict[str, Any]:
    """The sections by which a scenario comes to use a plug-in of that kind."""
    known: dict[str, dict[str, Any]] = {
        "strategies": {"strategy": {"name": name}},
        "models": {"model": {"name": name}},
        "datasets": {"data": {"name": name}},
        "tasks": {
            "data": {"name": "diabetes"},
            "task": {"name": name},
            "distill": {"teacher": "received"},
        },
        "partitioners": {"partition": {"name": name, "clients": 4}},
        "shifts": {"partition": {**SMALL["partition"], "shift": {"name": name}}},
        "criteria": {"strategy": {"name": "iterative_pruning", "criterion": name}},
        "aggregators": {"aggregate": {"name": name}},
        "server_optimizers": {"server_optimizer": {"name": name}},
        "updates": {"update": [{"name": name}]},
        "mask_codings": {"strategy": PRUNING, "uplink": {"mask": name}},
        "quantizers": {"uplink": {"values": name}},
        "entropy_coders": {"uplink": {"values": "uniform", "entropy": name}},
        "optimizers": {"train": {**SMALL["train"], "optimizer": name}},
        "schedules": {"schedule": {"name": name}},
        "trainers": {"compute": {"trainer": name}, "engine": {"name": "thread_engine"}},
        "clocks": {"clock": {"name": name}},
        "engines": {"engine": {"name": name}},
        "studies": {"strategy": PRUNING, "run": {**SMALL["run"], "clients_per_round": 4}},
    }
    return {**SMALL, **known.get(kind, {})}


def functions(file: Path) -> set[str]:
    """The public functions and methods that a file defines."""
    module = ast.parse(file.read_text("utf-8"))
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    nodes = [*module.body, *(node for made in classes for node in made.body)]
    return {
        node.name for node in nodes if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


@contextmanager
def called(file: Path) -> Iterator[set[str]]:
    """Inside, the functions of ``file`` that are called are added to the set."""
    found: set[str] = set()

    def look(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename == str(file):
            found.add(frame.f_code.co_name)

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_calls_all_that_the_example_defines_and_records_its_file(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    file = taken(kind, tmp_path)
    if kind == "trainers":
        # The example trains two clients at once.
        (tmp_path / "engines").mkdir()
        shutil.copy(THREADS, tmp_path / "engines")
    with called(file) as found:
        track = [file.stem] if kind == "trackers" else []
        (made,) = fedprune.run(settings(kind, file.stem), track=track)
        if kind == "studies":
            studied = lab.carry_out(
                made.folder, [file.stem], lab.Plan(), tmp_path / "out", lambda *told: None
            )
            assert file.stem in lab.render(studied, UNKNOWN)
    assert functions(file) <= found
    recorded = json.loads((made.folder / "environment.json").read_text("utf-8"))["plugins"]
    # What cannot change a result is no part of what a run was made with.
    expected = [] if kind in ("studies", "trackers") else [sha256(file.read_bytes()).hexdigest()]
    assert [each["sha256"] for each in recorded if each["kind"] == kind] == expected
