"""TensorBoard: event files; look at them with tensorboard --logdir RUN/trackers/tensorboard.

Figures are scalars, final ones under ``results/``, settings hyperparameters. Each session of a run adds a
file; TensorBoard reads the files of a folder as one run, and as no round is given twice, no step is there
twice. Scalars are 32-bit floats, as in all event files.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedprune.trackers import TrackedRun, from_extra

VERSION = "brain.Event:2"
"""The version of the format, with which an event file begins."""


class TensorBoard:
    """An event file, complete on disk after each call.

    Written without the library's own EventFileWriter, whose thread would tell of a full disk by a traceback.
    """

    def __init__(self, folder: Path) -> None:
        with from_extra("tensorboard"):
            from tensorboard.compat.proto.event_pb2 import Event
            from tensorboard.summary.writer.record_writer import RecordWriter
        # Files of a folder are read in the order of their names.
        name = f"events.out.tfevents.{int(time.time()):010}.{len(list(folder.iterdir()))}"
        self._writer = RecordWriter((folder / name).open("xb"))
        self._add(Event(wall_time=time.time(), file_version=VERSION))

    def log_settings(self, run: TrackedRun) -> None:
        """Logs the settings that TensorBoard's HPARAMS tab shows."""
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        self._write(0, time.time(), hparams_pb(dict(run.settings), trial_id=run.id))

    def log_round(self, round: int, figures: Mapping[str, float]) -> None:
        self._scalars(round, figures, figures.get("time", time.time()))

    def log_results(self, round: int, figures: Mapping[str, float]) -> None:
        named = {f"results/{name}": value for name, value in figures.items()}
        self._scalars(round, named, time.time())

    def close(self, finished: bool) -> None:
        self._writer.close()

    def _scalars(self, step: int, figures: Mapping[str, float], when: float) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in figures.items()]
        self._write(step, when, Summary(value=values))

    def _write(self, step: int, when: float, summary: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._add(Event(step=step, wall_time=when, summary=summary))

    def _add(self, event: Any) -> None:
        self._writer.write(event.SerializeToString())
        self._writer.flush()


def open_tracker(folder: Path, run: TrackedRun) -> TensorBoard:
    """A new event file in ``folder``, begun with the settings."""
    tracker = TensorBoard(folder)
    tracker.log_settings(run)
    return tracker
