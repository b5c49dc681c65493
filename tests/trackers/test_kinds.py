"""The trackers on their real libraries: what they wrote is what the run logged, each step once."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fedprune import simulate
from fedprune.progress import Progress
from fedprune.trackers.feed import figures

SETTINGS: dict[str, Any] = {
    "run": {"name": "tracked", "rounds": 4, "clients_per_round": 2, "checkpoint_every": 1},
    "partition": {"clients": 4},
    "model": {"name": "mlp"},
    "train": {"epochs": 1},
    "evaluate": {"every": 2},
    "engine": {"name": "in_process"},
}

Figures = dict[str, float]
Read = tuple[dict[str, Any], dict[int, Figures], Figures]
"""Settings, step -> figures, results: as a library's own reader has them."""


def needs(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed; it is an extra of fedprune, and part of [dev]")


def read_tensorboard(folder: Path) -> Read:
    needs("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data

    events = EventAccumulator(str(folder))
    events.Reload()
    data = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = {}
    for name, value in parse_session_start_info_plugin_data(data).hparams.items():
        settings[name] = getattr(value, value.WhichOneof("kind"))
    steps: dict[int, Figures] = {}
    results: Figures = {}
    for tag in events.Tags()["scalars"]:
        for event in events.Scalars(tag):
            into = results if tag.startswith("results/") else steps.setdefault(event.step, {})
            name = tag.removeprefix("results/")
            assert name not in into, f"{tag} is twice at step {event.step}"
            into[name] = event.value
    return settings, steps, results


def read_mlflow(folder: Path) -> Read:
    needs("mlflow")
    from mlflow import MlflowClient

    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    try:
        client = MlflowClient(tracking_uri=folder.as_uri())
        experiment = client.get_experiment_by_name("fedprune")
        (run,) = client.search_runs([experiment.experiment_id])
    finally:
        del os.environ["MLFLOW_ALLOW_FILE_STORE"]
    assert run.info.status == "FINISHED"
    steps: dict[int, Figures] = {}
    results: Figures = {}
    for key in run.data.metrics:
        for metric in client.get_metric_history(run.info.run_id, key):
            into = results if key.startswith("results/") else steps.setdefault(metric.step, {})
            name = key.removeprefix("results/")
            assert name not in into, f"{key} is twice at step {metric.step}"
            into[name] = metric.value
    return run.data.params, steps, results


def wandb_records(path: Path) -> list[Any]:
    """The records of a .wandb file: a log in LevelDB's format, blocks of 32 KiB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, found, part = path.read_bytes(), 7, [], b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            found.append(Record.FromString(part))
            part = b""
    return found


def read_wandb(folder: Path) -> Read:
    needs("wandb")
    settings: dict[str, Any] = {}
    steps: dict[int, Figures] = {}
    results: Figures = {}
    ids = set()
    for path in sorted(folder.glob("offline-run-*/run-*.wandb")):
        ids.add(path.stem)
        for record in wandb_records(path):
            for item in record.run.config.update:
                settings[item.key] = json.loads(item.value_json)
            for item in record.summary.update:
                key = item.key or "/".join(item.nested_key)
                if key.startswith("results/"):
                    results[key.removeprefix("results/")] = json.loads(item.value_json)
            row = {
                item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item
            }
            if row:
                step = row.pop("_step")
                assert step not in steps, f"step {step} is twice"
                steps[step] = {key: value for key, value in row.items() if not key.startswith("_")}
    assert len(ids) == 1
    return settings, steps, results


READERS: dict[str, Callable[[Path], Read]] = {
    "tensorboard": read_tensorboard,
    "mlflow": read_mlflow,
    "wandb": read_wandb,
}


class Stop(Progress):
    """Interrupts a run when a round is done, as Ctrl-C does."""

    def round_finished(self, record: Any) -> None:
        if record["round"] == 3:
            raise KeyboardInterrupt


def refuse(*_: Any) -> NoReturn:
    raise AssertionError("the network was touched")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that is the working folder too, on a machine without a network."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            refuse()
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return home


@pytest.mark.parametrize("name", READERS)
def test_what_a_tracker_wrote_over_two_sessions_is_the_run_each_step_once(
    nowhere: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    needs(name)
    before, hook = dict(os.environ), sys.excepthook
    with pytest.raises(KeyboardInterrupt):
        simulate.run(SETTINGS, out=tmp_path / "runs", track=[name], progress=Stop())
    (run,) = (tmp_path / "runs").glob("tracked-*")
    done = simulate.resume(run, track=[name])
    assert capfd.readouterr() == ("", "")
    assert sys.excepthook is hook
    left = {key: value for key, value in os.environ.items() if before.get(key) != value}
    assert not [key for key in left if key.startswith(("WANDB", "MLFLOW"))]
    assert list(nowhere.iterdir()) == []

    settings, steps, results = READERS[name](run / "trackers" / name)
    lines = [json.loads(line) for line in (run / "rounds.jsonl").read_text("utf-8").splitlines()]
    assert sorted(steps) == [1, 2, 3, 4]
    for line in lines:
        assert steps[line["round"]] == pytest.approx(figures("rounds.jsonl", line), rel=1e-6)
    assert results == pytest.approx(figures("results.json", done.metrics), rel=1e-6)
    assert float(settings["run.rounds"]) == 4
    assert settings["model.name"] == "mlp"


@pytest.mark.parametrize("name", READERS)
def test_a_library_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    for module in [name, *(known for known in sys.modules if known.startswith(f"{name}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    (done,) = simulate.run(SETTINGS, out=tmp_path, track=[name])
    assert done.metrics["rounds"] == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"fedprune: warning: tracker {name}: ")
    assert f"install it in the checkout: pip install '.[{name}]'; the run goes on without it" in line
