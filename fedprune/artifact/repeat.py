"""``repeat``: makes the runs of an unpacked artifact again and compares them to the bit."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

from fedprune.artifact.pack import MANIFEST, RUNS
from fedprune.comparison.bits import EQUAL, differences
from fedprune.progress import progress_on
from fedprune.runs.files import read_json
from fedprune.scenario import Scenario
from fedprune.types import UserError

REPEATED = "repeated"
"""The folder in which the runs are made again."""


def repeat(folder: Path) -> int:
    """Make the runs of the artifact in ``folder`` again, and print a line of each: equal, or what differs.

    Returns 0 where all are equal, 1 where one is not, and 2 for what the user can mend.
    """
    try:
        equal = [_equal(folder, run) for run in _checked(folder)]
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(not all(equal))


def _checked(folder: Path) -> list[str]:
    """The names of the packed runs. Raises UserError when a packed file is no longer what it was."""
    manifest = read_json(folder / MANIFEST)
    for name, digest in manifest["sha256"].items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise UserError(f"{name} is not the file that was packed; unpack the artifact again")
    runs: list[str] = manifest["runs"]
    return runs


def _equal(folder: Path, run: str) -> bool:
    """Whether the run comes out as it is packed; says so, or what differs."""
    from fedprune import simulate

    packed = folder / RUNS / run
    scenario = Scenario.from_dict(tomllib.loads((packed / "scenario.toml").read_text("utf-8")))
    progress = progress_on(sys.stderr)
    try:
        (made,) = simulate.run(scenario, out=folder / REPEATED, progress=progress)
    finally:
        progress.close()
    found = differences(packed, made.folder)
    print(f"{run}: {EQUAL if not found else 'differs'}")
    for line in found:
        print(f"  {line}")
    return not found
