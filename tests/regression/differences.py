"""What of two runs is compared, bit by bit, and what renaming between their commits does not count.

Reads run folders by their files alone: the code of neither commit is at work here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

FIELDS = {
    "test_accuracy_": "test_score_",
    "gate_accuracy": "gate_score",
    "validation_accuracy": "validation_score",
    "target_accuracy": "target_score",
}
"""How fields of records, or the beginnings of their names, were called -> how they are called now."""

ONE_SIDED = frozenset(
    {"score", "score_unit", "score_better", "score_chance"}
    | {"missing", "rounds_accepted", "clients_never_sampled"}
    | {"test_score_personal_sampled", "test_score_personal_never_sampled", "clients_in_all"}
    | {f"test_score_{what}_{end}" for what in ("personal", "received", "trained") for end in ("low", "high")}
    | {"attackers", "test_score_personal_honest", "unavailable", "staleness"}
    | {"replies_dropped", "replies_late", "replies_crashed", "replies_refused"}
)
"""Fields that records of only one of the commits hold, and that say nothing about the other's."""

ARRAYS: dict[str, str] = {}
"""How arrays in states and results, or the beginnings of their names, were called -> how they are now."""

ROOMLESS = {"state/server/": "shared:"}
"""Folder of states that once held arrays without a room -> the room that these are in now."""

CLOCKS = frozenset({"seconds", "time", "seconds_total"})
"""Fields that differ each time."""

RECORDS = ("rounds.jsonl", "clients.jsonl", "final.jsonl", "results.json")

Record = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """What came out of comparing two runs of one scenario."""

    differences: tuple[str, ...]
    """The first difference of each file; empty when the runs are equal."""
    overhead: tuple[int, int]
    """Bytes of overhead, up and down, in all rounds of the old run and of the new one.

    Overhead holds settings and names of fields: a renaming moves it by a few bytes without any result moving.
    """


def compare(old: Path, new: Path) -> Comparison:
    """Compare two run folders: records, final weights and masks, and each client's last state on either side.

    Files of one folder alone count as differences. Clock fields, ``ONE_SIDED`` fields and overhead do not.
    """
    spent = (_overhead(old), _overhead(new))
    found: list[str] = []
    for name in RECORDS:
        pairs = zip_longest(_records(old / name, spent[0]), _records(new / name, spent[1]))
        for line, (before, after) in enumerate(pairs, 1):
            if difference := _of_records(before, after, spent[0] == spent[1]):
                found.append(f"{name}:{line} {difference}")
                break
    before, after = _arrays(old), _arrays(new)
    for path in sorted({*before, *after}):
        room = next((room for folder, room in ROOMLESS.items() if path.startswith(folder)), "")
        if difference := _of_files(before.get(path), after.get(path), room):
            found.append(f"{path} {difference}")
    return Comparison(tuple(found), (sum(spent[0]), sum(spent[1])))


def renamed(name: str, table: Mapping[str, str]) -> str:
    """The present name of what an older commit called so."""
    for old, new in table.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _records(path: Path, overhead: tuple[int, int]) -> Iterator[Record]:
    """The records of a file under present names, their byte counts without overhead."""
    text = path.read_text("utf-8") if path.exists() else ""
    for record in (
        [json.loads(text)] if path.suffix == ".json" and text else map(json.loads, text.splitlines())
    ):
        plain = {
            renamed(name, FIELDS): value
            for name, value in record.items()
            if name not in CLOCKS and name not in ONE_SIDED
        }
        for direction, total in zip(("up", "down"), overhead, strict=True):
            if f"bytes_{direction}" in plain:
                plain[f"bytes_{direction}"] -= plain.pop(f"bytes_{direction}_overhead")
            if f"bytes_{direction}_total" in plain:
                plain[f"bytes_{direction}_total"] -= total
        yield plain


def _of_records(old: Record | None, new: Record | None, same_overhead: bool) -> str:
    """The first difference of two records, or nothing."""
    if old is None or new is None:
        return "only the new run has it" if old is None else "only the old run has it"
    for name in {**old, **new}:
        before, after = (json.dumps(record.get(name), sort_keys=True) for record in (old, new))
        # The bytes until then include overhead, of which nobody knows how much.
        if before != after and (name != "bytes_to_target" or same_overhead):
            return f"{name}: {before} -> {after}"
    return ""


def _overhead(folder: Path) -> tuple[int, int]:
    """Bytes of overhead in all rounds of a run: up, down."""
    path = folder / "rounds.jsonl"
    rounds = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    up, down = (sum(row[f"bytes_{way}_overhead"] for row in rounds) for way in ("up", "down"))
    return up, down


def _arrays(folder: Path) -> dict[str, Path]:
    """Final arrays, and the newest version of each client's state: name within the run -> file."""
    final = {str(path.relative_to(folder)): path for path in (folder / "final").glob("*.safetensors")}
    states: dict[str, list[Path]] = {}
    for version in (folder / "state").rglob("*.safetensors"):
        # Older commits have no shards.
        _, side, *_, client = version.parent.relative_to(folder).parts
        states.setdefault(f"state/{side}/{client}", []).append(version)
    newest = {name: max(paths, key=lambda path: int(path.stem)) for name, paths in states.items()}
    return final | newest


def _of_files(old: Path | None, new: Path | None, room: str) -> str:
    """The first difference of two files of arrays, or nothing; names without a room are in ``room``."""
    if old is None or new is None:
        return "only the new run has it" if old is None else "only the old run has it"
    before, after = (
        {_called(name, room): array for name, array in load_file(path).items()} for path in (old, new)
    )
    for name in {**before, **after}:
        if name not in before or name not in after:
            return f"{name}: only in the {'old' if name in before else 'new'} run"
        if difference := _of_arrays(before[name], after[name]):
            return f"{name}: {difference}"
    return "" if old.stem == new.stem or not old.stem.isdecimal() else f"version {old.stem} -> {new.stem}"


def _called(name: str, room: str) -> str:
    return renamed(name if ":" in name else room + name, ARRAYS)


def _of_arrays(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> str:
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return f"{old.dtype}{old.shape} -> {new.dtype}{new.shape}"
    if old.tobytes() == new.tobytes():
        return ""
    # Bytes, not values: 0.0 and -0.0 are equal, and a NaN is not equal to itself.
    size = old.dtype.itemsize
    rows = [np.frombuffer(array.tobytes(), np.uint8).reshape(-1, size) for array in (old, new)]
    differ = (rows[0] != rows[1]).any(axis=1)
    first = int(differ.argmax())
    return f"{differ.sum()} of {old.size} values differ, first {old.flat[first]} -> {new.flat[first]}"
