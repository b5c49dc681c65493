"""The folder of one run: what is in it, who may write to it, and how it comes to be.

It appears complete or not at all, is never overwritten without being told to, and is worked on by one process
at a time. What a resume compares (settings hash, versions) is in ``environment.json``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fedprune.runs import lock
from fedprune.runs.arrays import About, pack, read_arrays
from fedprune.runs.environment import environment
from fedprune.runs.files import (
    RunError,
    explained,
    read_file,
    read_json,
    refuse_links,
    temporary_name,
    write_atomic,
    write_json,
)
from fedprune.runs.history import History
from fedprune.runs.install import install, parents
from fedprune.runs.seal import BEGUN, ENDED, SEAL, check_seal
from fedprune.runs.status import RunState as RunState
from fedprune.runs.status import read_status, status
from fedprune.runs.store import VersionedStore
from fedprune.types import Arrays

FOLDERS = ("checkpoints", "state", "state/clients", "state/server", "final")
_LATER = ("history", "tickets", "trackers", "state/personal")
"""Folders that are made when there is something for them."""
FILES = (*BEGUN, *ENDED, SEAL)
_STATUS, _LOCK = "status.json", ".lock"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,199}")


class RunFolder:
    """Paths, status and lock of one run. ``create`` and ``open`` make it; closing it releases the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def create(
        cls,
        out: Path,
        run_id: str,
        scenario_toml: str,
        settings_hash: str,
        force: bool,
        *,
        label: str = "",
        code: Sequence[Mapping[str, Any]] = (),
    ) -> RunFolder:
        """Makes ``<out>/<run_id>`` and locks it; ``force`` replaces an earlier run folder of that name.

        ``label`` names the run in tables, ``code`` lists the user's plug-ins (see runs.code). Raises RunError
        when the folder exists (without ``force``), is no run folder, is worked on, or cannot be written;
        nothing new is then left, an earlier run is untouched.
        """
        if "\0" in str(out):
            raise RunError(f"{str(out)!r} is not a path: it holds a NUL character")
        path = Path(out) / checked_name(run_id)
        earlier = cls._earlier(path, force)
        try:
            with explained("make the run folder", path), parents(path.parent):
                made_with = {"settings_hash": settings_hash, **environment(), "plugins": list(code)}
                return cls._build(path, scenario_toml, made_with, label, earlier is not None)
        finally:
            if earlier is not None:
                earlier.close()

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run folder, for reading; call ``lock`` before writing to it.

        Raises RunError when there is none, when a part of it is a symbolic link (which leads elsewhere), or
        when a file is no longer what the run wrote for good.
        """
        path = Path(path)
        if not is_run(path):
            raise RunError(
                f"{path} is not a run folder (it has no scenario.toml); give the folder of one run"
            )
        refuse_links(path, ("", *FOLDERS, *_LATER, *FILES, _STATUS, _LOCK))
        check_seal(path)
        return cls(path)

    def lock(self) -> Self:
        """Claims the folder for this process until ``close``, or until the process dies in any way.

        Raises RunError naming the process that works on it.
        """
        self._lock = lock.acquire(self.path / _LOCK)
        return self

    def close(self) -> None:
        """Releases the folder's lock if this process holds it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write_status(
        self, state: RunState, round: int, missing: int = 0, evaluated: tuple[int, int] | None = None
    ) -> None:
        """Says where the run stands after ``round``, for the rest see ``runs.status``; ``pid`` is this
        process."""
        found = status(state, round, self.read_status()["label"], missing, evaluated)
        write_json(self.path / _STATUS, found, durable=False)

    def read_status(self) -> dict[str, Any]:
        """What ``runs.status`` says of the file; "running" becomes "stopped" when its process is gone.

        Raises RunError when it is missing or damaged.
        """
        return read_status(self.path / _STATUS)

    def mend_status(self, label: str) -> None:
        """Writes that of a stopped run where the status is missing or damaged; checkpoints say the rest."""
        try:
            self.read_status()
        except RunError:
            write_json(self.path / _STATUS, status("stopped", 0, label), durable=False)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: the run is complete, and its final evaluation lacks no client."""
        status = self.read_status()
        return status.get("state") == "complete" and not status.get("missing")

    def write_final_clients(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes one JSON line for each client of the final evaluation, which outlives a power cut."""
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        write_atomic(self.final_clients, text.encode(), durable=True)

    def write_results(self, results: dict[str, Any]) -> None:
        """Writes the final evaluation (see runs.metrics), which outlives a power cut."""
        write_json(self.path / "results.json", results, durable=True)

    def write_partition(self, manifest: dict[str, Any]) -> None:
        """Writes which client has which labels, with the partition's hash."""
        write_json(self.path / "partition.json", manifest, durable=False)

    def write_final(self, name: str, arrays: Arrays) -> None:
        """Writes ``final/<name>.safetensors``, which outlives a power cut."""
        write_atomic(self._final(name), pack(arrays, self._about(name)), durable=True)

    def read_final(self, name: str) -> Arrays:
        """Reads ``final/<name>.safetensors``. Raises RunError when it is missing or damaged."""
        return read_arrays(self._final(name), self._about(name))

    @property
    def scenario_toml(self) -> str:
        """The resolved scenario as it was written."""
        path = self.path / "scenario.toml"
        with explained("read", path):
            data = read_file(path)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise RunError(f"cannot read {path}: {error}; the file is damaged") from error

    @property
    def environment(self) -> dict[str, Any]:
        """``settings_hash`` and what the run was made with (see runs.environment)."""
        return read_json(self.path / "environment.json")

    @property
    def settings_hash(self) -> str:
        """Hash of the settings that decide the result; a resume under another one is refused."""
        return str(self.environment.get("settings_hash"))

    @cached_property
    def identity(self) -> str:
        """What the files inside call the run: the hash of its settings, whatever the folder is called by now.

        Where clients keep state on a machine of their own there is none, and the folder's name stands for it.
        """
        if not os.path.lexists(self.path / "environment.json"):
            return self.path.name
        return self.settings_hash

    @property
    def rounds(self) -> Path:
        """The file ``rounds.jsonl``: one JSON line a round."""
        return self.path / "rounds.jsonl"

    @property
    def clients(self) -> Path:
        """The file ``clients.jsonl``: one JSON line for each client and round."""
        return self.path / "clients.jsonl"

    @property
    def final_clients(self) -> Path:
        """The file ``final.jsonl``: one JSON line for each client of the final evaluation."""
        return self.path / "final.jsonl"

    @property
    def evaluated(self) -> Path:
        """The file that holds what a final evaluation has so far, until no client is missing from it."""
        return self.path / "final" / "evaluated.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder that holds the run's checkpoints (see runs.checkpoint)."""
        return self.path / "checkpoints"

    @property
    def client_state(self) -> VersionedStore:
        """The store of what the clients keep between rounds."""
        return VersionedStore(self.path / "state" / "clients", self.identity)

    @property
    def server_state(self) -> VersionedStore:
        """The store of what the server keeps of each client between rounds."""
        return VersionedStore(self.path / "state" / "server", self.identity)

    @property
    def history(self) -> History:
        """The server's weights after some rounds, where the scenario asks for them."""
        return History(self.path / "history", self.identity)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _about(self, name: str) -> About:
        return {"run": self.identity, "final": name}

    def _final(self, name: str) -> Path:
        return self.path / "final" / f"{checked_name(name)}.safetensors"

    @classmethod
    def _earlier(cls, path: Path, force: bool) -> RunFolder | None:
        """The run that ``path`` holds already, locked; None when nothing is there."""
        with explained("look at", path):
            if not os.path.lexists(path):
                return None
        if path.is_symlink() or not is_run(path):
            raise RunError(
                f"{path} exists and is not a run folder: remove it or choose another place with --out"
            )
        if not force:
            raise RunError(
                f"{path} exists: resume it, replace it with --force, or choose another place with --out"
            )
        return cls.open(path).lock()

    @classmethod
    def _build(
        cls, path: Path, scenario_toml: str, made_with: Mapping[str, Any], label: str, replace: bool
    ) -> RunFolder:
        """Fills a folder under a temporary name, locks it, and gives it its name. Raises OSError."""
        building = cls(temporary_name(path))
        try:
            building.path.mkdir()
            for name in FOLDERS:
                (building.path / name).mkdir()
            write_atomic(building.path / "scenario.toml", scenario_toml.encode(), durable=True)
            write_json(building.path / "environment.json", dict(made_with), durable=True)
            write_json(building.path / _STATUS, status("running", 0, label), durable=True)
            building.lock()
            install(building.path, path, replace)
        except BaseException:
            building.close()
            shutil.rmtree(building.path, ignore_errors=True)
            raise
        building.path = path
        return building


def checked_name(name: str) -> str:
    """``name`` when it is one harmless path part of a run folder, or of its own name. Raises RunError."""
    if not _NAME.fullmatch(name):
        raise RunError(f"{name!r} cannot name a file of a run: use up to 200 letters, digits and '-_.+='")
    return name


def is_run(path: Path) -> bool:
    """Whether ``path`` is a run folder. Raises RunError where nobody may look."""
    with explained("look at", path):
        return (path / "scenario.toml").is_file()
