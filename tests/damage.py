"""What may happen to a file of a run folder behind fedprune's back, and how it is judged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fedprune
from fedprune import simulate
from fedprune.runs.folder import RunFolder
from fedprune.runs.table import results_table
from fedprune.types import UserError

from .conformance.battery import bits, records

Harm = Callable[[Path, Path, Path], None]
"""Does something to a file, given one of the same kind in another run, and a folder outside all runs."""


def flip(path: Path, other: Path, outside: Path) -> None:
    """One bit, in the middle."""
    data = bytearray(path.read_bytes())
    if data:
        data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path, other: Path, outside: Path) -> None:
    """The second half is gone."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path, other: Path, outside: Path) -> None:
    """All of it is gone, as after a power cut."""
    path.write_bytes(b"")


def swap(path: Path, other: Path, outside: Path) -> None:
    """It is another run's."""
    path.write_bytes(other.read_bytes())


def sibling(path: Path, other: Path, outside: Path) -> None:
    """It is another one of the same run: of another client or round."""
    near = [found for found in path.parent.parent.rglob(path.name) if found != path]
    near += [found for found in path.parent.iterdir() if found.is_file() and found != path]
    path.write_bytes(near[0].read_bytes())


def link(path: Path, other: Path, outside: Path) -> None:
    """It leads out of the folder, to what it was."""
    path.rename(outside / path.name)
    path.symlink_to(outside / path.name)


def pipe(path: Path, other: Path, outside: Path) -> None:
    """Whoever opens it waits for a writer that never comes."""
    path.unlink()
    os.mkfifo(path)


HARMS: Mapping[str, Harm] = {harm.__name__: harm for harm in (flip, cut, empty, swap, sibling, link, pipe)}

BEGUN = {
    "scenario": "scenario.toml",
    "environment": "environment.json",
    "task": "task.json",
    "partition": "partition.json",
    "seal": "seal.json",
    "status": "status.json",
    "lock": ".lock",
    "rounds": "rounds.jsonl",
    "clients": "clients.jsonl",
    "arrays": "checkpoints/*/arrays.safetensors",
    "meta": "checkpoints/*/meta.json",
    "manifest": "checkpoints/*/manifest.json",
    "client state": "state/clients/*/*/5.safetensors",
    "server state": "state/server/*/*/5.safetensors",
    "older client state": "state/clients/*/*/4.safetensors",
    "history": "history/4.safetensors",
}
"""Kind of file in a run that was interrupted after five rounds -> where such are; the last is harmed."""

ENDED = {
    **{
        kind: place
        for kind, place in BEGUN.items()
        if kind not in ("client state", "server state", "older client state")
    },
    "final clients": "final.jsonl",
    "results": "results.json",
    "weights": "final/weights.safetensors",
    "mask": "final/mask-*.safetensors",
}
"""The same of a complete run."""


def harmed(run: Path, other: Path, place: str, harm: str, outside: Path) -> None:
    """Harm one file of a run; ``other`` is another run, ``outside`` is made."""
    outside.mkdir()
    there, elsewhere = (sorted(folder.glob(place))[-1] for folder in (run, other))
    HARMS[harm](there, elsewhere, outside)


def seen(run: Path) -> dict[str, Any]:
    """All that readers of a complete run get to see of it, clocks aside. Raises UserError."""
    data = fedprune.load(run)
    folder = RunFolder.open(run)
    columns = ("run", "name", "label", "seed", "state", "rounds", "group", "score")
    (row,) = results_table([run])
    return {
        "row": {name: row[name] for name in columns},
        "final": records(run, "final.jsonl"),
        "frames": [data.final.to_dicts(), data.partition, data.scenario, data.score],
        "masks": {
            client: {name: kept.tobytes() for name, kept in data.masks(client).items()} for client in range(6)
        },
        "loaded weights": {name: value.tobytes() for name, value in data.weights().items()},
        "history": {
            round: {name: value.tobytes() for name, value in folder.history.load(round).items()}
            for round in folder.history.rounds()
        },
        # Last, as it reads what may be a pipe by now.
        **bits(run),
    }


def judged(run: Path, expected: Mapping[str, Any], outside: Path) -> str:
    """What came of the harm: "told", "harmless", or "SILENT"; a run that is not complete is gone on with."""
    before = {path: path.read_bytes() for path in outside.iterdir()}
    try:
        simulate.resume(run)
        same = seen(run) == expected
    except UserError as error:
        same, lines = None, str(error).splitlines()
    else:
        lines = []
    assert len(lines) < 2, "more than one line"
    assert {path: path.read_bytes() for path in outside.iterdir()} == before, "written through a link"
    return "told" if same is None else "harmless" if same else "SILENT"


def copied(run: Path, out: Path) -> Path:
    """A copy of a run in ``out``, under its own name."""
    return Path(shutil.copytree(run, out / run.name))
