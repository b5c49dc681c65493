"""Weights & Biases, offline: upload it with wandb sync RUN/trackers/wandb/offline-run-*.

Figures are the run's history, final ones its summary under ``results/``, settings its config. Nothing is
uploaded and no login is asked for. A session cannot add to an earlier one's file, so each has a file of its
own under the same run id, and ``wandb sync`` uploads them in order as one run; as no round is given twice, no
step is in two of them. Its background process writes the files, once a second: a disk that fills
up is not told.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedprune.trackers import TrackedRun, environment, from_extra

PROJECT = "fedprune"
FLUSH_SECONDS = 1.0
"""Between two writes of the background process: what a kill of that, too, may lose."""
SERVICE = "WANDB_SERVICE"
"""Set by wandb while its background process lives."""


class WeightsAndBiases:
    """A tracker that writes one offline session of Weights & Biases for a run."""

    def __init__(self, run: Any, owns_service: bool) -> None:
        self._run, self._owns_service = run, owns_service

    def log_round(self, round: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=round)

    def log_results(self, round: int, figures: Mapping[str, float]) -> None:
        self._run.summary.update({f"results/{name}": value for name, value in figures.items()})

    def close(self, finished: bool) -> None:
        import wandb

        self._run.finish(exit_code=0 if finished else 1)
        if self._owns_service:
            wandb.teardown()


def open_tracker(folder: Path, run: TrackedRun) -> WeightsAndBiases:
    """A new session in ``folder``, of the run that is there if any."""
    # Wandb itself puts all it writes into folders of that name: the one that is ours.
    above = str(folder.resolve().parent)
    owns_service = SERVICE not in os.environ
    hook = sys.excepthook
    with environment(
        WANDB_ERROR_REPORTING="false",
        WANDB_CACHE_DIR=above,
        WANDB_CONFIG_DIR=above,
        WANDB_DATA_DIR=above,
    ):
        with from_extra("wandb"):
            import wandb
        settings = wandb.Settings(
            silent=True,
            console="off",
            symlink=False,
            disable_git=True,
            disable_code=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_transaction_log_flush_interval=FLUSH_SECONDS,
            reinit="create_new",
        )
        session = wandb.init(
            mode="offline",
            dir=above,
            project=PROJECT,
            id=_earlier_id(folder),
            resume="allow",
            name=run.label,
            config=dict(run.settings),
            settings=settings,
        )
    # Its own would tell of an exception that ends the process; sessions are closed before that.
    sys.excepthook = hook
    return WeightsAndBiases(session, owns_service)


def _earlier_id(folder: Path) -> str | None:
    """The run id of earlier sessions: their folders are ``offline-run-<time>-<id>``."""
    sessions = sorted(folder.glob("offline-run-*-*"))
    return sessions[-1].name.rpartition("-")[2] if sessions else None
