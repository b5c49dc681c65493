"""What a run tells whoever waits for it: a live bar on a terminal, plain lines elsewhere, or JSON lines.

A run begins with the ``Score`` that says how its scores are to be read. A round's record holds ``round``,
``rounds``, ``density`` (kept share), ``train_loss``, ``bytes_up``, ``bytes_down`` and ``seconds`` of that
round, the sums of these three over the run so far under ``bytes_up_total``, ``bytes_down_total`` and
``seconds_total`` (rounds from before it was resumed included), if anything was tested
``test_score_after``, and, where
clients are on several machines, how many of them each had under ``machines``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from fedprune.score import UNKNOWN, Score

SECONDS_BETWEEN_LINES = 2.0


class Progress:
    """Says nothing; the base of those that do."""

    run_id = ""
    """The run under way, if any."""

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        """A run begins, or goes on after ``done`` of its rounds; ``score`` is what it measures."""
        self.run_id = run_id

    def round_finished(self, record: Mapping[str, Any]) -> None:
        """A round is complete and on disk."""

    def client_evaluated(self, done: int, clients: int) -> None:
        """The final evaluation has the answers of ``done`` of all ``clients``, on disk."""

    def run_finished(self, summary: Mapping[str, Any]) -> None:
        """All rounds are done, now or in an earlier session."""
        self.run_id = ""

    def note(self, line: str) -> None:
        """Something that whoever waits should know, in one line."""

    def beside(self) -> Progress:
        """Another of the kind, for a run at the same time, to the same place."""
        return Progress()

    def close(self) -> None:
        """Leave the terminal as it was; safe to call twice."""


class JsonProgress(Progress):
    """One JSON object a line, with what happened under ``event`` and the run under ``run``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        super().run_started(run_id, label, rounds, done, score)
        about = {"label": label, "rounds": rounds, "done": done, "score": score.record()}
        self._write("run_started", about)

    def round_finished(self, record: Mapping[str, Any]) -> None:
        self._write("round_finished", record)

    def client_evaluated(self, done: int, clients: int) -> None:
        self._write("client_evaluated", {"done": done, "clients": clients})

    def run_finished(self, summary: Mapping[str, Any]) -> None:
        self._write("run_finished", summary)
        super().run_finished(summary)

    def note(self, line: str) -> None:
        self._write("note", {"line": line})

    def beside(self) -> JsonProgress:
        return JsonProgress(self._stream)

    def _write(self, event: str, values: Mapping[str, Any]) -> None:
        print(json.dumps({"event": event, "run": self.run_id, **values}), file=self._stream, flush=True)


class _Told(Progress):
    """What lines and the bar have in common: totals, and a sentence about them."""

    def __init__(self) -> None:
        self._label = ""
        self._rounds = 0
        self._score = UNKNOWN
        self._scored: float | None = None

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        super().run_started(run_id, label, rounds, done, score)
        self._label, self._rounds = label, rounds
        self._score, self._scored = score, None

    def round_finished(self, record: Mapping[str, Any]) -> None:
        scored = record.get("test_score_after")
        self._scored = self._scored if scored is None else scored

    def _figures(self, record: Mapping[str, Any]) -> str:
        """The score is the last one measured; bytes are those of the whole run so far."""
        parts = []
        if self._scored is not None:
            parts.append(self._score.text(self._scored))
        if record.get("train_loss") is not None:
            parts.append(f"loss {record['train_loss']:.3f}")
        if record.get("density") is not None:
            parts.append(f"density {record['density']:.1%}")
        if machines := record.get("machines"):
            parts.append(", ".join(f"{name}: {count} clients" for name, count in machines.items()))
        up, down = (record.get(f"bytes_{way}_total") or 0 for way in ("up", "down"))
        return ", ".join([*parts, f"up {size(up)}, down {size(down)}"])


class LineProgress(_Told):
    """A plain line a round, at most one in two seconds, and always one for the last round."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._last = -SECONDS_BETWEEN_LINES

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        super().run_started(run_id, label, rounds, done, score)
        after = f", {done} of them done" if done else ""
        self._write(f"{label}: {rounds} rounds{after}, in {run_id}")

    def round_finished(self, record: Mapping[str, Any]) -> None:
        super().round_finished(record)
        now = time.monotonic()
        if record["round"] >= self._rounds or now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._write(f"{self._label}: round {record['round']}/{self._rounds}, {self._figures(record)}")

    def note(self, line: str) -> None:
        self._write(line)

    def client_evaluated(self, done: int, clients: int) -> None:
        now = time.monotonic()
        # Few clients are tested before anybody wonders what goes on.
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._write(f"{self._label}: final evaluation, {done}/{clients} clients")

    def beside(self) -> LineProgress:
        return LineProgress(self._stream)

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class LiveProgress(_Told):
    """A bar a run, drawn in place."""

    def __init__(self, stream: TextIO, bar: Bar | None = None) -> None:
        """``bar`` is another's, where runs at the same time share one."""
        super().__init__()
        self._stream = stream
        if bar is not None:
            self._bar = bar
            return
        whole = Column(no_wrap=True)
        columns = (
            TextColumn("{task.description}", markup=False, table_column=whole),
            BarColumn(bar_width=12, table_column=whole),
            MofNCompleteColumn(table_column=whole),
            TimeRemainingColumn(compact=True, table_column=whole),
            # The only one that wraps on a narrow terminal.
            TextColumn("{task.fields[figures]}", markup=False, table_column=Column()),
        )
        self._bar = Bar(*columns, console=Console(file=stream))

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        super().run_started(run_id, label, rounds, done, score)
        self._bar.start()
        self._task = self._bar.add_task(label, total=rounds, completed=done, figures="")

    def round_finished(self, record: Mapping[str, Any]) -> None:
        super().round_finished(record)
        self._bar.update(self._task, completed=record["round"], figures=self._figures(record))

    def note(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def beside(self) -> LiveProgress:
        return LiveProgress(self._stream, self._bar)

    def client_evaluated(self, done: int, clients: int) -> None:
        self._bar.update(self._task, figures=f"final evaluation, {done}/{clients} clients")

    def close(self) -> None:
        self._bar.stop()


class Units:
    """Progress of work that is counted: a bar for each piece of it on a terminal, else plain lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = -SECONDS_BETWEEN_LINES
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of ``what`` are on disk."""
        if self._stream.isatty():
            self._draw(what, done, total)
            return
        now = time.monotonic()
        if done >= total or now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            print(f"{what}: {done}/{total}", file=self._stream, flush=True)

    def _draw(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=12))
            counted = (MofNCompleteColumn(), TimeRemainingColumn(compact=True))
            self._bar = Bar(*columns, *counted, console=Console(file=self._stream))
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what)
        self._bar.update(self._tasks[what], completed=done, total=total)

    def close(self) -> None:
        """Leave the terminal as it was; safe to call twice."""
        if self._bar is not None:
            self._bar.stop()


def progress_on(stream: TextIO) -> Progress:
    """The bar if ``stream`` is a terminal, else plain lines."""
    return LiveProgress(stream) if stream.isatty() else LineProgress(stream)


def size(count: int) -> str:
    """A number of bytes for people, in powers of 1000."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.3g} {units[0]}"
