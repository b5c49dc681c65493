"""Are two runs equal to the bit? All that they left is compared, but for what reads a clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from fedprune.runs import latency
from fedprune.runs.arrays import read_arrays
from fedprune.runs.files import read_json
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import CLOCK_FIELDS, METRICS
from fedprune.types import Array

_NAMES = frozenset({"label"})
"""Fields that say what a run is called, and nothing of what came out."""

EQUAL = "equal to the bit"
"""What runs are called between which nothing differs."""


def differences(first: Path, second: Path) -> list[str]:
    """The first difference of each file of results, in words; none where the runs are equal to the bit.

    Compared are the records of rounds, clients and the final evaluation, the results, the partition, and
    the final weights and masks, byte by byte. Fields that read a clock are not, nor latency, nor what the
    runs are called. Raises RunError for a damaged file.
    """
    return [*_of_records(first, second), *_of_partitions(first, second), *_of_arrays(first, second)]


def _of_records(first: Path, second: Path) -> Iterator[str]:
    for name in (each for each in METRICS if each != latency.FILE):
        pairs = zip_longest(_records(first / name), _records(second / name))
        for line, (one, other) in enumerate(pairs, start=1):
            if one is None or other is None:
                yield f"{name}: only the {'second' if one is None else 'first'} run has line {line}"
                break
            if key := next((key for key in {**one, **other} if _bits(one, key) != _bits(other, key)), ""):
                yield f"{name}, line {line}: {key} is {_bits(one, key)}, then {_bits(other, key)}"
                break


def _of_partitions(first: Path, second: Path) -> Iterator[str]:
    one, other = (read_json(run / "partition.json").get("hash") for run in (first, second))
    if one != other:
        yield f"partition.json: the clients hold other samples ({str(one)[:12]}, then {str(other)[:12]})"


def _of_arrays(first: Path, second: Path) -> Iterator[str]:
    one, other = ({path.name: path for path in sorted((run / "final").iterdir())} for run in (first, second))
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            yield f"final/{name}: only the {'second' if name not in one else 'first'} run has it"
            continue
        before, after = read_arrays(one[name]), read_arrays(other[name])
        if before.keys() != after.keys():
            yield f"final/{name}: holds {', '.join(before)}, then {', '.join(after)}"
        elif array := next((key for key in before if not _same(before[key], after[key])), ""):
            yield f"final/{name}: other values in {array}"


def _records(path: Path) -> list[dict[str, Any]]:
    """The records of a file, without clocks and names."""
    found = [read_json(path)] if path.suffix == ".json" else read_lines(path)
    ignored = CLOCK_FIELDS | _NAMES
    return [{key: value for key, value in record.items() if key not in ignored} for record in found]


def _bits(record: dict[str, Any], key: str) -> str:
    """A value as text that is equal for equal bits alone: Python writes a float so that it is read back."""
    return json.dumps(record[key], sort_keys=True) if key in record else "not there"


def _same(one: Array, other: Array) -> bool:
    # Bytes, not values: 0.0 equals -0.0, and no NaN equals itself.
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
