"""A checkpoint exists whole or not at all, whatever happens to its writer or to the disk."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune.runs.checkpoint import Checkpoint, latest_checkpoint, retained_rounds, save_checkpoint
from fedprune.runs.files import RunError
from fedprune.types import Arrays

from .faults import failing, full_disk

ROOT = str(Path(__file__).parents[2])
RUN = "0123456789ab"
FILES = ["arrays.safetensors", "meta.json", "manifest.json"]


def content(round: int) -> tuple[Arrays, dict[str, Any]]:
    arrays = {
        "w": np.full(1000, round, np.float32),
        "sum": np.array(0.1 * round),
        "mask": np.arange(9) % 2 == round % 2,
    }
    return arrays, {"round": round, "offset": 10**17 + round, "clients": {"3": 2}}


def save(folder: Path, round: int) -> None:
    folder.mkdir(exist_ok=True)
    save_checkpoint(folder, RUN, round, *content(round))


def assert_loads(folder: Path, round: int) -> None:
    found = latest_checkpoint(folder, RUN)
    assert found is not None
    arrays, meta = content(round)
    assert (found.round, found.meta) == (round, meta)
    assert list(found.arrays) == list(arrays)
    assert all(found.arrays[name].tobytes() == arrays[name].tobytes() for name in arrays)


def test_there_is_none_before_the_first(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "checkpoints", RUN) is None
    assert retained_rounds(tmp_path / "checkpoints") == []


def test_the_latest_is_read_back_bit_for_bit_and_two_are_kept(tmp_path: Path) -> None:
    for round in [10, 20, 30]:
        save(tmp_path, round)
    assert_loads(tmp_path, 30)
    assert retained_rounds(tmp_path) == [20, 30]
    assert sorted(os.listdir(tmp_path)) == ["round-000020", "round-000030"]


def test_saving_a_round_again_replaces_it(tmp_path: Path) -> None:
    save(tmp_path, 10)
    save_checkpoint(tmp_path, RUN, 20, {}, {"draft": True})
    save(tmp_path, 20)
    assert_loads(tmp_path, 20)
    assert sorted(os.listdir(tmp_path)) == ["round-000010", "round-000020"]


def test_later_rounds_of_an_abandoned_course_are_forgotten(tmp_path: Path) -> None:
    for round in [10, 20]:
        save(tmp_path, round)
    save(tmp_path, 15)
    assert_loads(tmp_path, 15)
    assert retained_rounds(tmp_path) == [10, 15]


def test_meta_that_json_cannot_hold_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_checkpoint(tmp_path, RUN, 1, {}, {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_damage_is_noticed_and_the_older_one_is_used(
    tmp_path: Path, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 10)
    save(tmp_path, 20)
    path = tmp_path / "round-000020" / name
    data = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(data[:-1])
    else:
        data[len(data) * 2 // 3] ^= 1
        path.write_bytes(data)
    assert_loads(tmp_path, 10)
    assert "round-000020 is passed over" in caplog.text
    save(tmp_path, 20)
    assert_loads(tmp_path, 20)


def test_any_flipped_bit_of_a_manifest_is_noticed(tmp_path: Path) -> None:
    save(tmp_path, 10)
    save(tmp_path, 20)
    path = tmp_path / "round-000020" / "manifest.json"
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :])
        assert_loads(tmp_path, 10)


def test_when_all_are_damaged_a_run_does_not_silently_begin_anew(tmp_path: Path) -> None:
    save(tmp_path, 10)
    (tmp_path / "round-000010" / "meta.json").write_text("{}")
    with pytest.raises(RunError, match=r"no checkpoint .* is whole.*--force"):
        latest_checkpoint(tmp_path, RUN)


def test_a_checkpoint_of_another_run_or_round_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, 10)
    assert latest_checkpoint(tmp_path, RUN) is not None
    with pytest.raises(RunError, match="of another run"):
        latest_checkpoint(tmp_path, "another")
    save(tmp_path, 20)
    os.rename(tmp_path / "round-000020", tmp_path / "round-000030")
    assert_loads(tmp_path, 10)


def test_a_checkpoint_whose_foundations_are_damaged_is_passed_over(tmp_path: Path) -> None:
    def check(checkpoint: Checkpoint) -> None:
        if checkpoint.round > damaged:
            raise RunError("a client's state is gone")

    save(tmp_path, 10)
    save(tmp_path, 20)
    damaged = 10
    found = latest_checkpoint(tmp_path, RUN, check)
    assert found is not None
    assert found.round == 10
    damaged = 0
    with pytest.raises(RunError, match=r"no checkpoint .* is whole \(a client's state is gone\); .*--force"):
        latest_checkpoint(tmp_path, RUN, check)


def test_links_and_pipes_among_checkpoints_are_passed_over_and_nothing_outside_is_touched(
    tmp_path: Path,
) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "checkpoints"
    outside.mkdir()
    (outside / "precious").write_text("years")
    save(folder, 10)
    (folder / "round-000020").symlink_to(outside)
    (folder / ".round-000030.7.tmp").symlink_to(outside)
    os.mkfifo(folder / "round-000040")
    save(folder, 50)
    save(folder, 60)
    assert sorted(os.listdir(folder)) == ["round-000050", "round-000060"]
    assert (outside / "precious").read_text() == "years"


def test_a_folder_that_was_removed_does_not_return(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has been removed"):
        save_checkpoint(tmp_path / "gone" / "checkpoints", RUN, 10, *content(10))
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_killed_writers_are_passed_over_and_cleaned(tmp_path: Path) -> None:
    save(tmp_path, 10)
    shutil.copytree(tmp_path / "round-000010", tmp_path / ".round-000020.77.tmp")
    assert_loads(tmp_path, 10)
    save(tmp_path, 20)
    assert sorted(os.listdir(tmp_path)) == ["round-000010", "round-000020"]


@pytest.mark.parametrize("again", [False, True])
def test_a_failing_disk_at_any_call_leaves_a_checkpoint_that_loads(tmp_path: Path, again: bool) -> None:
    """``again``: the round that is written exists already, so that it has to be replaced."""
    at, done = 0, False
    while not done:
        folder = tmp_path / str(at)
        save(folder, 10)
        save(folder, 20)
        new = 20 if again else 30
        with failing(at, full_disk) as made, contextlib.suppress(RunError):
            save(folder, new)
        done = len(made) <= at
        found = latest_checkpoint(folder, RUN)
        assert found is not None
        assert_loads(folder, found.round)
        assert found.round in (20, new)
        save(folder, 40)
        assert_loads(folder, 40)
        assert not [name for name in os.listdir(folder) if name.startswith(".")]
        at += 1
    assert at > 15


@pytest.mark.parametrize("again", [False, True])
def test_a_kill_at_any_call_leaves_a_checkpoint_that_loads(tmp_path: Path, again: bool) -> None:
    script = f"""
import os, sys
sys.path.insert(0, {ROOT!r})
from pathlib import Path
from tests.runs.faults import failing, kill
from tests.runs.test_checkpoint import save
at, done = 0, False
while not done:
    folder = Path({str(tmp_path)!r}, str(at))
    save(folder, 10)
    save(folder, 20)
    child = os.fork()
    if child == 0:
        with failing(at, kill):
            save(folder, {20 if again else 30})
        os._exit(0)
    done = os.waitpid(child, 0)[1] == 0
    at += 1
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    folders = list(tmp_path.iterdir())
    assert len(folders) > 15
    for folder in folders:
        found = latest_checkpoint(folder, RUN)
        assert found is not None
        assert_loads(folder, found.round)
        assert found.round in (20, 30)
        save(folder, 40)
        assert not [name for name in os.listdir(folder) if name.startswith(".")]


def test_a_kill_at_a_random_instant_leaves_a_checkpoint_that_loads(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {ROOT!r})
from pathlib import Path
from tests.runs.test_checkpoint import kill_writers
kill_writers(Path({str(tmp_path)!r}), times=10)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert len(retained_rounds(tmp_path)) > 0


def kill_writers(folder: Path, times: int) -> None:
    """Forks a writer that checkpoints in a loop and says each round it finished, kills it, checks; again."""
    chance = random.Random(7)
    last = 0
    for _ in range(times):
        reading, writing = os.pipe()
        writer = os.fork()
        if writer == 0:
            for round in itertools.count(last + 1):
                save(folder, round)
                os.write(writing, f"{round}\n".encode())
        os.close(writing)
        with os.fdopen(reading) as finished:
            finished.readline()
            time.sleep(chance.uniform(0, 0.05))
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
            confirmed = max([last + 1, *map(int, finished.read().split())])
        found = latest_checkpoint(folder, RUN)
        assert found is not None
        assert found.round in (confirmed, confirmed + 1)
        assert_loads(folder, found.round)
        last = found.round
