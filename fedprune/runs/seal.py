"""The seal of a run folder: the sha256 of the files that are written for good, so that a change of one is
told to whoever opens the folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fedprune.runs.files import RunError, explained, read_file, read_json, remove_leftovers, write_json

SEAL = "seal.json"
BEGUN = ("environment.json", "task.json", "partition.json")
"""Files that a run has from its beginning; its scenario may still change in what decides no result."""
ENDED = ("scenario.toml", "rounds.jsonl", "clients.jsonl", "final.jsonl", "results.json")
"""Files that change no more once a run is complete."""


def seal(run: Path, *, ended: bool) -> None:
    """Seals what does not change any more in the run folder ``run``: what it began with, and its results once
    they are there.

    An ended run loses what killed writers left under way. Raises RunError.
    """
    names = [name for name in BEGUN if os.path.lexists(run / name)]
    if ended:
        with explained("clean up", run):
            remove_leftovers(run)
        names += ENDED
    write_json(run / SEAL, {"sha256": {name: _digest(run / name) for name in names}}, durable=True)


def check_seal(run: Path) -> None:
    """Raises RunError when a file of the run folder ``run`` is not what it was when it was sealed.

    A folder without a seal passes: earlier versions of fedprune made none.
    """
    path = run / SEAL
    if not os.path.lexists(path):
        return
    digests = read_json(path).get("sha256")
    if not isinstance(digests, dict) or not digests.keys() <= {*BEGUN, *ENDED}:
        raise RunError(
            f"{path}: not a seal, it is damaged; remove it to go on without what it guards against"
        )
    for name, digest in digests.items():
        if _digest(run / name) != digest:
            raise RunError(
                f"{run / name} is not what the run wrote: it was changed or is damaged; put it back as it "
                "was, or begin the run anew with --force"
            )


def _digest(path: Path) -> str:
    with explained("read", path):
        return hashlib.sha256(read_file(path)).hexdigest()
