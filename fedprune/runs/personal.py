"""Clients' models after the last round, as a run folder keeps them: a line each, and the weights that each
client chose."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedprune.runs.files import read_json, write_atomic, write_json
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.runs.store import VersionedStore

Record = dict[str, Any]

LINES, ABOUT = "personal.jsonl", "personal.json"
"""Files of a run folder: a line for each client and model, and what was asked for."""


def personal_store(folder: RunFolder) -> VersionedStore:
    """The store of the models that clients chose, a version each."""
    return VersionedStore(folder.path / "state" / "personal", folder.identity)


def answers_so_far(folder: RunFolder) -> Path:
    """The file that keeps clients' answers until all are there."""
    return folder.path / "final" / "personalized.jsonl"


def personalized_as(folder: RunFolder) -> Record:
    """The keys of [personalize] that the run's clients have personalized their models by; empty before
    that."""
    path = folder.path / ABOUT
    return dict(read_json(path)["settings"]) if path.exists() else {}


def write_personal(
    folder: RunFolder, settings: Mapping[str, Any], rows: Sequence[Record], missing: Sequence[Record]
) -> None:
    """Write one JSON line for each client and model, and then what was asked for and who did not answer."""
    text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
    write_atomic(folder.path / LINES, text.encode(), durable=True)
    write_json(folder.path / ABOUT, {"settings": dict(settings), "missing": list(missing)}, durable=True)


def personal_rows(run: Path) -> list[Record]:
    """The lines of a run's ``personal.jsonl``, by client; none where nothing was personalized."""
    return read_lines(run / LINES) if (run / ABOUT).exists() else []
