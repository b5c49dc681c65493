"""Runs that another process works on, read from their files: at each look, only what is new."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fedprune.runs import lock
from fedprune.runs.files import RunError, explained, open_regular
from fedprune.runs.folder import RunFolder, is_run
from fedprune.runs.table import scenario_of
from fedprune.runs.task import read_score
from fedprune.types import printable
from fedprune.watch.tally import UNDER_WAY, Shown, Standing, Tally

PATIENCE = 3
"""Looks that may fail in a row, as while a run is replaced, before it is called unreadable."""

PAUSE = 30.0
"""Seconds after which a living process that has begun no other run is not taken to be in a sweep."""


class Follower:
    """One run folder, looked at again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pid: int | None = None
        """The process that wrote the run's status last."""
        self._opened: tuple[RunFolder, dict[str, Any]] | None = None
        self._tally, self._offset = Tally(), 0
        self._seen = Standing(label=path.name, state="unreadable", round=0, rounds=0)
        self._failed = 0

    def look(self) -> Standing:
        """The run as it stands; what cannot be read for a while is as it was."""
        try:
            self._seen = self._look()
            self._failed = 0
        except RunError as error:
            self._opened = None
            self._failed += 1
            if self._failed >= PATIENCE or self._seen.state == "unreadable":
                self._seen = dataclasses.replace(self._seen, state="unreadable", trouble=str(error))
        return self._seen

    def _look(self) -> Standing:
        if self._opened is None:
            folder = RunFolder.open(self.path)
            self._opened = folder, scenario_of(folder).get("run", {})
        folder, run = self._opened
        # Before the rounds: a run that is complete by then has all of them.
        status = folder.read_status()
        self.pid = status.get("pid")
        self._read(folder.rounds)
        label = status.get("label") or run.get("label") or run.get("name") or self.path.name
        rounds = run.get("rounds")
        if not isinstance(rounds, int):
            raise RunError(f"{self.path / 'scenario.toml'}: it has no run.rounds; the file is damaged")
        state: Shown = status.get("state", "stopped")
        evaluated = (status.get("evaluated", 0), status["to_evaluate"]) if "to_evaluate" in status else None
        return self._tally.standing(printable(str(label)), state, rounds, read_score(self.path), evaluated)

    def _read(self, log: Path) -> None:
        """Adds the rounds that were not there before.

        A resume cuts the file back and a forced run begins a new one; what then does not fit is read anew.
        """
        with explained("read", log):
            size = log.stat().st_size if log.exists() else 0
        if size < self._offset or not self._add(log):
            self._tally, self._offset = Tally(), 0
            if not self._add(log):
                number = self._tally.round + 1
                raise RunError(f"{log}, line {number}: not the record of round {number}; the file is damaged")

    def _add(self, log: Path) -> bool:
        """Whether all that follows fits what is known; a line that is not whole yet waits for the next."""
        with explained("read", log):
            if not log.exists():
                return True
            with open(open_regular(log, os.O_RDONLY), "rb") as file:
                file.seek(self._offset)
                data = file.read()
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            try:
                record = json.loads(line)
                self._tally.add(record if isinstance(record, dict) else {})
            except (ValueError, TypeError):
                return False
            self._offset += len(line)
        return True


class Runs:
    """All runs under the given paths: run folders, and folders that hold some, now or later."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises RunError for a path where there is no run at all."""
        self._paths = list(dict.fromkeys(paths))
        self.followers: dict[Path, Follower] = {}
        for path in self._paths:
            if not path.exists():
                raise RunError(f"{path} does not exist; give a run folder, or a folder that holds some")
            if not any(True for _ in _found(path)):
                raise RunError(f"{path} is not a run folder (it has no scenario.toml), and holds none")

    def look(self) -> dict[Path, Standing]:
        """Every run by its folder, those of one parent in the order in which they began."""
        for path in self._paths:
            for run in _found(path):
                self.followers.setdefault(run, Follower(run))
        return {path: follower.look() for path, follower in self.followers.items()}

    def over(self, seen: Mapping[Path, Standing]) -> bool:
        """Whether nothing more will come, as far as the files tell."""
        return not any(figures.state in UNDER_WAY for figures in seen.values()) and not self._in_a_sweep()

    def _in_a_sweep(self) -> bool:
        """Whether who finished a run in a folder of runs may be about to begin the next."""
        given = set(self._paths)
        for path, follower in self.followers.items():
            fresh = time.time() - _changed(path / "status.json") < PAUSE
            if path not in given and fresh and lock.alive(follower.pid):
                return True
        return False


def _found(path: Path) -> Iterator[Path]:
    """The run at ``path``, else those right below it, oldest first; what is being made has a hidden name."""
    if is_run(path):
        yield path
    elif path.is_dir():
        with explained("read", path):
            inside = [child for child in path.iterdir() if child.name[0] != "." and is_run(child)]
        yield from sorted(inside, key=lambda run: (_changed(run / "scenario.toml"), run.name))


def _changed(path: Path) -> float:
    """When a file was changed, in seconds since 1970; 0 for one that is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
