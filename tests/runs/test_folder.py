"""A run folder appears whole, belongs to one process at a time, and is never lost by accident."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.runs.seal import seal

from .faults import failing, full_disk

ROOT = str(Path(__file__).parents[2])
TOML = '[run]\nname = "x"\n'


def create(out: Path, run_id: str = "x-1", force: bool = False) -> RunFolder:
    return RunFolder.create(out, run_id, TOML, "0123456789ab", force, label="x lr=0.1")


def test_a_new_run_folder_says_what_it_is(tmp_path: Path) -> None:
    with create(tmp_path / "deep" / "runs") as folder:
        assert folder.path == tmp_path / "deep" / "runs" / "x-1"
        assert folder.scenario_toml == TOML
        assert folder.settings_hash == "0123456789ab"
        assert folder.read_status() == {
            "state": "running",
            "round": 0,
            "pid": os.getpid(),
            "label": "x lr=0.1",
        }
        assert folder.checkpoints.is_dir()
        assert os.listdir(folder.path.parent) == ["x-1"]


def test_the_environment_names_versions_but_no_one(tmp_path: Path) -> None:
    with create(tmp_path) as folder:
        found = folder.environment
    machine = ["python", "platform", "cpu", "cores", "versions", "commit", "source"]
    assert list(found) == ["settings_hash", *machine, "plugins"]
    assert found["plugins"] == []
    assert {"fedprune", "torch", "flwr", "numpy", "scipy"} <= set(found["versions"])
    assert found["versions"]["numpy"] == np.__version__
    assert str(Path.home()) not in str(found).split()


def test_status_results_and_final_arrays_are_read_back(tmp_path: Path) -> None:
    with create(tmp_path) as folder:
        folder.write_status("complete", 7)
        folder.write_results({"final_density": 0.5})
        folder.write_partition({"hash": "abc"})
        folder.write_final("weights", {"w": np.ones(3, np.float32)})
        folder.client_state.save(3, 1, {"w": np.zeros(2)})
        folder.server_state.save(3, 1, {"mask": np.array([True])})
    again = RunFolder.open(folder.path)
    assert again.read_status() == {"state": "complete", "round": 7, "pid": os.getpid(), "label": "x lr=0.1"}
    assert again.read_final("weights")["w"].tolist() == [1, 1, 1]
    assert again.client_state.load(3, 1)["w"].tolist() == [0, 0]
    assert (folder.path / "state" / "server" / "0-999" / "3" / "1.safetensors").is_file()
    (folder.path / "final" / "weights.safetensors").write_bytes(b"?")
    with pytest.raises(RunError, match=r"weights\.safetensors.*damaged"):
        again.read_final("weights")


def test_an_existing_run_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    with create(tmp_path) as folder:
        folder.write_status("complete", 7)
    with pytest.raises(RunError, match=r"exists: resume it.*--force"):
        create(tmp_path)
    with create(tmp_path, force=True) as folder:
        assert folder.read_status()["round"] == 0
    assert os.listdir(tmp_path) == ["x-1"]


def test_force_never_replaces_what_is_not_a_run(tmp_path: Path) -> None:
    precious = tmp_path / "x-1" / "thesis.tex"
    precious.parent.mkdir()
    precious.write_text("years")
    with pytest.raises(RunError, match="not a run folder"):
        create(tmp_path, force=True)
    assert precious.read_text() == "years"


def test_two_owners_at_once_are_refused_by_pid(tmp_path: Path) -> None:
    with create(tmp_path) as folder:
        for attempt in (lambda: RunFolder.open(folder.path).lock(), lambda: create(tmp_path, force=True)):
            with pytest.raises(RunError, match=f"in use by process {os.getpid()}"):
                attempt()
    with RunFolder.open(folder.path).lock(), pytest.raises(RunError, match="in use"):
        RunFolder.open(folder.path).lock()


def test_a_killed_owner_frees_the_folder_and_counts_as_stopped(tmp_path: Path) -> None:
    script = f"""
import os, signal, sys
sys.path.insert(0, {ROOT!r})
from pathlib import Path
from fedprune.runs.folder import RunFolder
folder = RunFolder.create(Path({str(tmp_path)!r}), "x-1", "", "0", False)
print("ready", flush=True)
sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as owner:  # type: ignore[call-overload]
        owner.stdout.readline()
        folder = RunFolder.open(tmp_path / "x-1")
        assert folder.read_status()["state"] == "running"
        with pytest.raises(RunError, match=f"in use by process {owner.pid}"):
            folder.lock()
        owner.kill()
        owner.communicate()
    assert folder.read_status()["state"] == "stopped"
    with folder.lock():
        folder.write_status("running", 3)


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "../x", "a/b", "/tmp/x", "a\0b", "a\nb", "-rf", ".hidden", "x" * 201, "ä"]
)
def test_a_run_id_that_is_no_plain_name_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(RunError, match="cannot name"):
        create(tmp_path / "runs", run_id)
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="NUL"):
        create(tmp_path / "a\0b")
    with pytest.raises(RunError, match="not a run folder"):
        RunFolder.open(tmp_path / "a\0b")


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    with create(tmp_path / "runs") as folder:
        folder.checkpoints.rmdir()
    outside.mkdir()
    folder.checkpoints.symlink_to(outside)
    with pytest.raises(RunError, match="symbolic link"):
        RunFolder.open(folder.path)
    with pytest.raises(RunError, match="symbolic link"):
        create(tmp_path / "runs", force=True)
    link = tmp_path / "runs" / "y-1"
    link.symlink_to(folder.path)
    with pytest.raises(RunError, match="not a run folder"):
        create(tmp_path / "runs", "y-1", force=True)
    with pytest.raises(RunError, match="symbolic link"):
        RunFolder.open(link)


def test_a_place_that_cannot_hold_it_is_explained_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match=r"cannot make the run folder .*; ") as caught:
        create(tmp_path / "file" / "runs")
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("existing", [False, True])
def test_a_failing_disk_at_any_call_leaves_nothing_new(tmp_path: Path, existing: bool) -> None:
    at, done = 0, False
    while not done:
        out = tmp_path / str(at)
        if existing:
            with create(out) as folder:
                folder.write_status("complete", 7)
        with failing(at, full_disk) as made, contextlib.suppress(RunError):
            create(out / ("" if existing else "deep"), force=existing).close()
            done = True
        if not done and existing:
            assert os.listdir(out) == ["x-1"]
            assert RunFolder.open(out / "x-1").read_status()["round"] == 7
        elif not done:
            assert not out.exists()
        at += 1
    assert len(made) > 15


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        RunFolder.open(tmp_path)


def test_an_ended_run_tells_of_every_change_to_what_it_wrote(tmp_path: Path) -> None:
    with create(tmp_path) as folder:
        for name in ("rounds.jsonl", "clients.jsonl"):
            (folder.path / name).write_text('{"round": 1, "client": 0}\n')
        folder.write_final_clients([{"client": 0}])
        folder.write_results({"density": 0.5})
        seal(folder.path, ended=True)
    for name in ("environment.json", "scenario.toml", "rounds.jsonl", "final.jsonl", "results.json"):
        path = folder.path / name
        before = path.read_bytes()
        path.write_bytes(before.replace(b"0", b"1", 1) if b"0" in before else before + b"\n")
        with pytest.raises(RunError, match=f"{name} is not what the run wrote"):
            RunFolder.open(folder.path)
        path.write_bytes(before)
    (folder.path / "seal.json").write_text('{"sha256": {"../x": "0"}}')
    with pytest.raises(RunError, match="not a seal"):
        RunFolder.open(folder.path)


def test_an_ended_run_keeps_nothing_that_killed_writers_left(tmp_path: Path) -> None:
    with create(tmp_path) as folder:
        folder.client_state.save(3, 1, {})
        for name in ("rounds.jsonl", "clients.jsonl", "final.jsonl", "results.json"):
            (folder.path / name).touch()
        for place in (".", "final", "checkpoints", "state/clients/0-999/3"):
            (folder.path / place / ".left.99.tmp").write_text("half")
        seal(folder.path, ended=True)
        assert not list(folder.path.rglob("*.tmp"))
        assert folder.client_state.rounds(3) == [1]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"state": "bomplete", "round": 1, "pid": 1, "label": ""}', '{"state": []}', "[" * 10**5],
)
def test_a_damaged_status_is_told_in_one_line_and_can_be_mended(tmp_path: Path, text: str) -> None:
    with create(tmp_path) as folder:
        (folder.path / "status.json").write_text(text)
        with pytest.raises(RunError, match="damaged") as told:
            folder.read_status()
        assert "\n" not in str(told.value)
        folder.mend_status("x")
        assert folder.read_status()["state"] == "stopped"
