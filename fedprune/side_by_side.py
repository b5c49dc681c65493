"""Runs of a sweep side by side: each in a process of its own, so that each goes on or fails alone."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fedprune.progress import Progress
from fedprune.scenario import Scenario
from fedprune.score import Score
from fedprune.types import UserError

SHARES = {"processes": "workers", "ray": "actors"}
"""Engine -> its key that says how much of the machines a run takes; all of them, unless given."""
_SECONDS_TO_STOP = 15.0


def run_side_by_side(
    scenarios: Sequence[Scenario], out: Path, jobs: int, force: bool, track: Sequence[str], progress: Progress
) -> None:
    """Run all of them, ``jobs`` at a time, each as ``simulate.run`` would.

    Raises UserError when any failed, after the others have ended, and where a run's share of the machines is
    not said.
    """
    for scenario in scenarios:
        key = SHARES.get(scenario.engine.name)
        if key and scenario.engine.fields.get(key) is None:
            raise UserError(f"runs side by side share the machines: give each a part, engine.{key}=N")
    asked = [
        {
            "scenario": scenario.to_dict(),
            "folders": sorted({str(origin.folder) for origin in scenario.origins if origin.folder}),
            "out": str(out),
            "force": force,
            "track": list(track),
        }
        for scenario in scenarios
    ]
    members = [_Member(each, progress) for each in asked]
    pool = ThreadPoolExecutor(jobs)
    try:
        failed = [reason for reason in pool.map(_Member.run, members) if reason]
    except BaseException:
        for member in members:
            member.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    if failed:
        raise UserError(f"{len(failed)} of {len(members)} runs failed; the first: {failed[0]}")


class _Member:
    """One run, from its start to its end."""

    def __init__(self, asked: dict[str, Any], progress: Progress) -> None:
        self._asked, self._progress = asked, progress.beside()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def run(self) -> str:
        """Wait for its end; why it failed, in one line, empty where it did not."""
        with self._lock:
            if self._stopped:
                return "stopped"
            self._process = process = subprocess.Popen(
                [sys.executable, "-P", "-m", "fedprune.member"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # The terminal's interrupt is for this process alone.
                process_group=0,
            )
        with process:
            return self._followed(process)

    def _followed(self, process: subprocess.Popen[str]) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
        reader.start()
        # One that ended at once says why below.
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(self._asked), file=process.stdin, flush=True)
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                # What code of the user's prints.
                event = {"event": "note", "run": "", "line": line.rstrip()}
            self._tell(event)
        status = process.wait()
        reader.join()
        lines = [line.strip() for line in errors if line.strip()] or [f"status {status}"]
        return lines[-1].removeprefix("fedprune: error: ") if status else ""

    def stop(self) -> None:
        """Have it stop at its last whole round, and wait for that."""
        with self._lock:
            self._stopped = True
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _tell(self, event: dict[str, Any]) -> None:
        told, kind = self._progress, event.pop("event")
        run = event.pop("run")
        match kind:
            case "run_started":
                told.run_started(run, event["label"], event["rounds"], event["done"], Score(**event["score"]))
            case "round_finished":
                told.round_finished(event)
            case "client_evaluated":
                told.client_evaluated(event["done"], event["clients"])
            case "run_finished":
                told.run_finished(event)
            case "note":
                told.note(event["line"])
