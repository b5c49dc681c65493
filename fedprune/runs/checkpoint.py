"""Checkpoints: a run killed at any instant, even by a power cut, finds its newest complete one again.

A checkpoint is a folder ``round-000123`` with ``arrays.safetensors``, ``meta.json`` and ``manifest.json``
(its run, and sha256 of the other two). It is written under another name, fsynced, and renamed, so that it
exists whole or not at all. The last two are kept: should the disk damage the newest one, or a client's state
that it builds upon, the older is used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedprune.runs.arrays import DamagedError, pack, unpack
from fedprune.runs.files import (
    TEMPORARY,
    RunError,
    explained,
    folder_descriptor,
    fsync_folder,
    read_file,
    remove,
    remove_folder,
    temporary_name,
    write_file,
)
from fedprune.types import Arrays

KEPT = 2
_ARRAYS, _META, _MANIFEST = "arrays.safetensors", "meta.json", "manifest.json"
_REPLACED = ".replaced-"
_NAME = re.compile(r"(?:\.replaced-)?round-(\d{6,})")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on after ``round``."""

    round: int
    arrays: Arrays
    meta: dict[str, Any]


def save_checkpoint(folder: Path, run: str, round: int, arrays: Arrays, meta: dict[str, Any]) -> None:
    """Makes ``round`` the newest checkpoint in ``folder`` and keeps one older one.

    ``folder`` is there already, in the folder of the run whose identity is ``run``.
    ``arrays`` have dtypes of runs.arrays.DTYPES. ``meta`` is a JSON object; a float whose bits matter belongs
    into ``arrays``. Checkpoints of later rounds are deleted first: the run is at ``round`` now. Raises
    RunError when the disk refuses; the newest checkpoint up to ``round`` from before then still loads.
    """
    contents = {_ARRAYS: pack(arrays), _META: json.dumps(meta, allow_nan=False).encode()}
    contents[_MANIFEST] = _manifest(run, round, contents)
    final = folder / f"round-{round:06d}"
    with explained("write checkpoint", final):
        _tidy(folder, round)
        temporary = temporary_name(final)
        try:
            temporary.mkdir()
            for name, data in contents.items():
                write_file(temporary / name, data, durable=True)
            fsync_folder(temporary)
            if final.exists():
                # A folder cannot be replaced in one step; until the next rename the old one still counts.
                os.replace(final, folder / f"{_REPLACED}{final.name}")
            os.replace(temporary, final)
        except BaseException:
            with suppress(OSError):
                remove(temporary)
            raise
        fsync_folder(folder)
        _retire(folder)


def latest_checkpoint(
    folder: Path, run: str, check: Callable[[Checkpoint], None] = lambda checkpoint: None
) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none at all. Only reads.

    Args:
        folder: where the checkpoints are.
        run: the identity of the run that they have to be of.
        check: raises RunError when something else is damaged that going on from a checkpoint would need.

    A damaged one is reported as a warning and passed over. Raises RunError when every one is damaged.
    """
    found, why = _checkpoints(folder), ""
    for path in sorted(
        found, key=lambda path: (found[path], not path.name.startswith(_REPLACED)), reverse=True
    ):
        try:
            loaded = _load(path, run, found[path])
            check(loaded)
        except (OSError, DamagedError, RunError) as error:
            _log.warning("checkpoint %s is passed over (%s); an older one is used", path, error)
            why = why or str(error)
        else:
            return loaded
    if found:
        raise RunError(f"no checkpoint in {folder} is whole ({why}); start the run again with --force")
    return None


def load_checkpoint(folder: Path, run: str, round: int) -> Checkpoint:
    """The checkpoint of exactly ``round`` of that run. Raises RunError when it is missing or damaged."""
    path = folder / f"round-{round:06d}"
    try:
        with explained("read", path):
            return _load(path, run, round)
    except DamagedError as error:
        raise RunError(f"checkpoint {path} is damaged: {error}") from error


def retained_rounds(folder: Path) -> list[int]:
    """Rounds of the checkpoints in ``folder``, ascending; a damaged one counts as well."""
    return sorted(set(_checkpoints(folder).values()))


def _load(path: Path, run: str, round: int) -> Checkpoint:
    with folder_descriptor(path) as folder:
        names = (_ARRAYS, _META, _MANIFEST)
        contents = {name: read_file(name, dir_fd=folder) for name in names}
    # The manifest follows from the rest, so comparing all of it also detects damage to the manifest itself.
    # Earlier versions of fedprune named no run in it.
    if contents[_MANIFEST] not in (_manifest(run, round, contents), _manifest("", round, contents)):
        raise DamagedError("its files are not those of its manifest, or of another run")
    return Checkpoint(round, unpack(contents[_ARRAYS]), json.loads(contents[_META]))


def _manifest(run: str, round: int, contents: dict[str, bytes]) -> bytes:
    digests = {name: hashlib.sha256(contents[name]).hexdigest() for name in (_ARRAYS, _META)}
    of = {"run": run} if run else {}
    return (json.dumps({**of, "round": round, "sha256": digests}, indent=2) + "\n").encode()


def _checkpoints(folder: Path) -> dict[Path, int]:
    """Folders that hold a checkpoint -> its round."""
    with explained("read", folder):
        names = os.listdir(folder) if folder.is_dir() else []
    return {folder / name: int(match[1]) for name in names if (match := _NAME.fullmatch(name))}


def _tidy(folder: Path, round: int) -> None:
    """Removes what killed writers and later rounds left; a replaced one with no successor returns."""
    for path in list(folder.iterdir()):
        final = folder / path.name.removeprefix(_REPLACED)
        if path.name.endswith(TEMPORARY):
            remove(path)
        elif path != final and not final.exists():
            os.replace(path, final)
        elif path != final:
            remove(path)
    for path, found in _checkpoints(folder).items():
        if found > round:
            remove_folder(path)


def _retire(folder: Path) -> None:
    """Deletes replaced checkpoints and all but the last two."""
    kept = retained_rounds(folder)[-KEPT:]
    for path, round in _checkpoints(folder).items():
        if round not in kept or path.name.startswith(_REPLACED):
            remove_folder(path)
