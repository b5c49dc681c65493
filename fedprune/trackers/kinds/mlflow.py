"""MLflow: a local file store; point MLflow at RUN/trackers/mlflow to look at it.

Figures are metrics, final ones under ``results/``, settings params. A later session finds the one run in the
store and adds to it; as no round is given twice, no step is there twice. MLflow counts such stores as kept
for compatibility: since 3.13 it opens them only where ``MLFLOW_ALLOW_FILE_STORE`` is set, which holds here
while the store is opened. Usage reports are off unless MLflow was imported before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedprune.trackers import TrackedRun, environment, from_extra

EXPERIMENT = "fedprune"


class MLflow:
    """One run of a store, written through with each call."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._run_id = client, run_id

    def log_round(self, round: int, figures: Mapping[str, float]) -> None:
        self._log(round, figures, figures.get("time", time.time()))

    def log_results(self, round: int, figures: Mapping[str, float]) -> None:
        self._log(round, {f"results/{name}": value for name, value in figures.items()}, time.time())

    def close(self, finished: bool) -> None:
        self._client.set_terminated(self._run_id, "FINISHED" if finished else "KILLED")

    def _log(self, step: int, figures: Mapping[str, float], when: float) -> None:
        from mlflow.entities import Metric

        stamp = int(when * 1000)
        metrics = [Metric(name, value, stamp, step) for name, value in figures.items()]
        self._client.log_batch(self._run_id, metrics=metrics)


def open_tracker(folder: Path, run: TrackedRun) -> MLflow:
    """The run in the store at ``folder``, both made if they are not there."""
    with environment(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_ALLOW_FILE_STORE="true"):
        with from_extra("mlflow"):
            from mlflow import MlflowClient
        client = MlflowClient(tracking_uri=folder.resolve().as_uri())
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        earlier = client.search_runs([experiment], max_results=1)
        if earlier:
            run_id = earlier[0].info.run_id
            client.update_run(run_id, status="RUNNING")
        else:
            run_id = _new_run(client, experiment, run)
    return MLflow(client, run_id)


def _new_run(client: Any, experiment: str, run: TrackedRun) -> str:
    from mlflow.entities import Param

    run_id: str = client.create_run(experiment, run_name=run.label, tags={"fedprune.run": run.id}).info.run_id
    params = [Param(name, str(value)) for name, value in run.settings.items()]
    client.log_batch(run_id, params=params)
    return run_id
