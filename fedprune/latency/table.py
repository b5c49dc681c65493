"""Candidates measured: time, memory and file size of each, as data and as a table."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fedprune import text_table
from fedprune.export.runtime import runner
from fedprune.latency import alone
from fedprune.latency.candidates import Candidate
from fedprune.latency.measure import Timing, interleaved
from fedprune.types import Array

HEADER = ("model", "p50 ms", "p90 ms", "p99 ms", "best ms", "x dense", "memory MB", "file kB", "zstd kB")


@dataclass(frozen=True)
class Row:
    """What one candidate costs."""

    name: str
    target: str
    timing: Timing
    speedup: float
    """How many times as fast as the dense one of the same target, by ``timing.best``."""
    memory: int
    """Bytes by which a process grows that answers with it."""
    size: int
    """Bytes of the file."""
    compressed: int
    """Bytes of the file under zstd, level 19."""

    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        timing = self.timing
        times = (timing.p50, timing.p90, timing.p99, timing.best)
        return (
            f"{self.name}, {self.target}",
            *(f"{1e3 * seconds:.3f}" for seconds in times),
            f"{self.speedup:.2f}",
            f"{self.memory / 1e6:.1f}",
            f"{self.size / 1e3:.1f}",
            f"{self.compressed / 1e3:.1f}",
        )


def measured(
    candidates: Sequence[Candidate], query: Array, queries: int, *, memory: bool = True
) -> list[Row]:
    """Each candidate on one thread at batch 1, in turns with the others.

    Args:
        candidates: models of one architecture; of each target one is "dense".
        query: features (1, ...) of one sample.
        queries: how many queries each answers.
        memory: whether to measure memory, for which each candidate gets a process of its own.
    """
    from fedprune.compute.threads import one_thread

    with one_thread():
        asked = {f"{each.name} {each.target}": _asking(each, query) for each in candidates}
        timings = interleaved(asked, queries)
    rows = []
    for each in candidates:
        timing, dense = (timings[f"{name} {each.target}"] for name in (each.name, "dense"))
        grown = _memory(each, query) if memory else 0
        rows.append(
            Row(
                each.name,
                each.target,
                timing,
                dense.best / timing.best,
                grown,
                len(each.data),
                _compressed(each.data),
            )
        )
    return rows


def render(rows: Sequence[Row], form: Literal["text", "markdown"]) -> str:
    """The table for people."""
    write = text_table.markdown if form == "markdown" else text_table.aligned
    return write(HEADER, [row.cells() for row in rows])


def _asking(candidate: Candidate, query: Array) -> Callable[[], object]:
    answer = runner(candidate.data, candidate.target, batch=1)
    return lambda: answer(query)


def _memory(candidate: Candidate, query: Array) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file, features = Path(folder) / "model", Path(folder) / "features.npy"
        file.write_bytes(candidate.data)
        np.save(features, query)
        command = [sys.executable, "-I", alone.__file__, candidate.target, str(file), str(features)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def _compressed(data: bytes) -> int:
    import zstandard

    return len(zstandard.ZstdCompressor(level=19).compress(data))
