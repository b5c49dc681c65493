"""A home of Flower's own for a test, and runs of its tools beside those of fedprune."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from fedprune.runs.log import read_lines

OF_CLOCK_AND_ENVELOPE = (
    "seconds",
    "time",
    "bytes_up",
    "bytes_down",
    "bytes_up_overhead",
    "bytes_down_overhead",
)
"""Fields that may differ: Flower's own messages have longer ids and one piece of metadata more."""


class Home:
    """FLWR_HOME in a temporary folder, ports of its own, and no telemetry; ``close`` ends every process that
    knows that home."""

    def __init__(self) -> None:
        # Short, as Ray keeps sockets under it, whose paths are short.
        self.folder = Path(tempfile.mkdtemp(prefix="fp"))
        binaries = str(Path(sys.executable).parent)
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([binaries, os.environ["PATH"]]),
            "FLWR_HOME": str(self.folder),
            "FLWR_LOCAL_SUPERLINK_HTTP_API_PORT": str(free_port()),
            "FLWR_LOCAL_CONTROL_API_PORT": str(free_port()),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(self.folder),
            "FEDPRUNE_RUNS": str(self.folder / "nowhere"),
        }

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("FLWR_HOME") == str(self.folder):
                    found.append(process)
        return found

    def close(self) -> None:
        # Again while there are any: one may just have started another.
        while left := self.processes():
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=10)
        shutil.rmtree(self.folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status(run: Path) -> str:
    return str(json.loads((run / "status.json").read_text("utf-8"))["state"])


def assert_same_but_for_envelopes(theirs: Path, ours: Path) -> None:
    """Weights and masks of two runs are the same bytes, and all figures but OF_CLOCK_AND_ENVELOPE equal."""
    finals = sorted(path.name for path in (ours / "final").iterdir())
    assert "weights.safetensors" in finals
    assert sorted(path.name for path in (theirs / "final").iterdir()) == finals
    for name in finals:
        assert (theirs / "final" / name).read_bytes() == (ours / "final" / name).read_bytes(), name
    for name in ("rounds.jsonl", "clients.jsonl", "final.jsonl"):
        assert figures(theirs / name) == figures(ours / name)


def figures(path: Path) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in record.items() if key not in OF_CLOCK_AND_ENVELOPE}
        for record in read_lines(path)
    ]
