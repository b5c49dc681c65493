"""What stands between a run and its trackers: feeds them, and lets none of them touch the run.

Beside a tracker's folder, ``RUN/trackers/<name>.json`` says what it was given last. That is written before
it is handed over, so that no round is ever given twice: after a kill between the two, that one round is
missing there. Rounds from before a tracker was asked for are read from ``rounds.jsonl`` when it opens: a run
can be tracked late, even when it is complete.
"""

from __future__ import annotations

import io
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from fedprune import plugins
from fedprune.progress import Progress
from fedprune.runs.files import RunError, read_json, write_json
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import METRICS
from fedprune.runs.task import read_score
from fedprune.scenario.flat import Sections, flat
from fedprune.score import Score
from fedprune.trackers import TrackedRun, Tracker

_ROUNDS, _RESULTS = "rounds.jsonl", "results.json"
_LONGEST = 300
"""Characters of a failure's reason that are told."""

Open = Callable[[Path, TrackedRun], Tracker]
"""What opens a tracker, given the folder that it may write in, and the run."""


def check(names: Sequence[str]) -> dict[str, Open]:
    """Name -> what opens that tracker, each once. Raises UnknownPluginError for one that is no tracker's."""
    for name in names:
        plugins.check("trackers", name)
    return {name: partial(_open, name, plugins.folders()) for name in names}


def _open(name: str, folders: Sequence[Path], folder: Path, run: TrackedRun) -> Tracker:
    # Where the user stood who named it: while a run goes on, only its scenario's plug-ins are looked for.
    with plugins.reaching(folders, plugins.modules()):
        opened: Tracker = plugins.load("trackers", name).open_tracker(folder, run)
        return opened


@contextmanager
def tracked(
    progress: Progress, trackers: Mapping[str, Open], folder: Path, label: str, scenario: Sections
) -> Iterator[Progress]:
    """A Progress that tells all to ``progress`` and to these trackers (see ``check``), which end with the
    body.

    ``folder`` is the run's, ``scenario`` its resolved sections. A tracker that fails is told on stderr in one
    line and never called again; of what is raised inside one, only an interrupt gets out.
    """
    settings = {**flat(scenario), "score": read_score(folder).title}
    run = TrackedRun(folder.name, label, settings)
    told = _Tracked(progress, [_Feed(name, opens, folder, run) for name, opens in trackers.items()])
    try:
        yield told
    finally:
        told.end()


def figures(file: str, record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record of ``file`` (see runs.metrics), without those that were not measured."""
    found = {name: record.get(name) for name in METRICS[file] if name != "round"}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


class _Tracked(Progress):
    """Passes events on, first to whom the user sees; a feed that fails is dropped."""

    def __init__(self, progress: Progress, feeds: Sequence[_Feed]) -> None:
        self._progress, self._feeds = progress, list(feeds)

    def run_started(self, run_id: str, label: str, rounds: int, done: int, score: Score) -> None:
        self._progress.run_started(run_id, label, rounds, done, score)
        self._tell(lambda feed: feed.start(done))

    def round_finished(self, record: Mapping[str, Any]) -> None:
        self._progress.round_finished(record)
        self._tell(lambda feed: feed.round(record))

    def client_evaluated(self, done: int, clients: int) -> None:
        self._progress.client_evaluated(done, clients)

    def run_finished(self, summary: Mapping[str, Any]) -> None:
        self._progress.run_finished(summary)
        self._tell(lambda feed: feed.results(summary))

    def note(self, line: str) -> None:
        self._progress.note(line)

    def end(self) -> None:
        """Nothing more will come in this session."""
        self._tell(lambda feed: feed.close())

    def _tell(self, action: Callable[[_Feed], None]) -> None:
        for feed in list(self._feeds):
            try:
                with _silence():
                    action(feed)
            except Exception as error:
                self._feeds.remove(feed)
                said = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
                line = f"fedprune: warning: tracker {feed.name}: {said}; the run goes on without it"
                print(line, file=sys.stderr, flush=True)


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps the library quiet: what it prints or warns of would be taken for the run's own output."""
    nowhere = io.StringIO()
    with warnings.catch_warnings(action="ignore"), redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect after the body, which they would cut in two; a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pending: list[int] = []

    def later(number: int, frame: FrameType | None) -> None:
        pending.append(number)
        if len(pending) > 1 and callable(handler := before[signal.Signals(number)]):
            handler(number, frame)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}
    for number in numbers:
        signal.signal(number, later)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, before[number])
        for late in pending[:1]:
            signal.raise_signal(late)


class _Feed:
    """One tracker of one run, opened when there is something to tell and given only what it never had."""

    def __init__(self, name: str, opens: Open, folder: Path, run: TrackedRun) -> None:
        self.name, self._open, self._run, self._rounds = name, opens, run, folder / _ROUNDS
        self._folder = folder / "trackers" / name
        self._marker = self._folder.with_name(f"{name}.json")
        self._tracker: Tracker | None = None
        self._finished = False

    def start(self, done: int) -> None:
        """Open the tracker, and make up for what it lacks of the first ``done`` rounds."""
        tracker = self._opened()
        for record in read_lines(self._rounds):
            # A killed run may have logged rounds that it will repeat.
            if record["round"] <= done:
                self._give(tracker, record)

    def round(self, record: Mapping[str, Any]) -> None:
        """Passes on a round that is complete."""
        self._give(self._opened(), record)

    def results(self, summary: Mapping[str, Any]) -> None:
        """The run is complete, now or since an earlier session."""
        given = self._given()
        if not given["results"]:
            if self._tracker is None:
                self.start(summary["rounds"])
            tracker = self._opened()
            with _uninterrupted():
                write_json(self._marker, {**self._given(), "results": True}, durable=False)
                tracker.log_results(summary["rounds"], figures(_RESULTS, summary))
        self._finished = True

    def close(self) -> None:
        """Close the tracker, if it was opened."""
        if self._tracker is not None:
            self._tracker.close(self._finished)

    def _opened(self) -> Tracker:
        if self._tracker is None:
            self._folder.parent.mkdir(exist_ok=True)
            if self._folder.is_symlink():
                raise RunError(f"{self._folder} is a symbolic link, which nothing is written through")
            self._folder.mkdir(exist_ok=True)
            self._tracker = self._open(self._folder, self._run)
        return self._tracker

    def _given(self) -> dict[str, Any]:
        return read_json(self._marker) if self._marker.exists() else {"round": 0, "results": False}

    def _give(self, tracker: Tracker, record: Mapping[str, Any]) -> None:
        given = self._given()
        if record["round"] > given["round"]:
            with _uninterrupted():
                write_json(self._marker, {**given, "round": record["round"]}, durable=False)
                tracker.log_round(record["round"], figures(_ROUNDS, record))
