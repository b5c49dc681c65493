"""JSON lines survive a kill, a full disk and a resume."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fedprune.runs.files import RunError
from fedprune.runs.log import JsonLines, read_lines

from .faults import failing, full_disk

ROOT = str(Path(__file__).parents[2])


def test_records_come_back_in_order_with_their_keys_in_order(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    with JsonLines(path) as log:
        log.append({"round": 1, "accuracy": 0.1 + 0.2})
        log.append({"round": 2, "failed": [{"client": 3, "reason": "naïve\n"}]})
        assert log.offset == path.stat().st_size
        found = read_lines(path)
    assert found == [
        {"round": 1, "accuracy": 0.1 + 0.2},
        {"round": 2, "failed": [{"client": 3, "reason": "naïve\n"}]},
    ]
    assert list(found[0]) == ["round", "accuracy"]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "rounds.jsonl") == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_not_written(tmp_path: Path, value: float) -> None:
    with JsonLines(tmp_path / "log") as log:
        with pytest.raises(ValueError, match="JSON"):
            log.append({"loss": value})
        assert log.offset == 0


def test_a_torn_last_line_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"round": 1}\n{"roun')
    assert read_lines(path) == [{"round": 1}]
    with JsonLines(path) as log:
        assert log.offset == 13
        log.append({"round": 2})
    assert read_lines(path) == [{"round": 1}, {"round": 2}]


@pytest.mark.parametrize("line", ["{", "7", "[]", ""])
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log"
    path.write_text(f'{{"round": 1}}\n{line}\n{{"round": 3}}\n')
    with pytest.raises(RunError, match="line 2"):
        read_lines(path)


def test_truncating_to_an_offset_forgets_what_came_after(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with JsonLines(path) as log:
        log.append({"round": 1})
        offset = log.offset
        log.append({"round": 2})
        log.append({"round": 3})
    with JsonLines(path) as log:
        log.truncate(offset)
        log.append({"round": 4})
    assert read_lines(path) == [{"round": 1}, {"round": 4}]


@pytest.mark.parametrize("offset", [-1, 5, 99])
def test_an_offset_where_no_line_ends_is_refused(tmp_path: Path, offset: int) -> None:
    with JsonLines(tmp_path / "log") as log:
        log.append({"round": 1})
        with pytest.raises(RunError, match="--force"):
            log.truncate(offset)


def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with JsonLines(path) as log:
        log.append({"round": 1})
        with failing(0, full_disk, ("write",)), pytest.raises(RunError, match="No space left"):
            log.append({"round": 2})
        assert path.read_bytes() == b'{"round": 1}\n'
        log.append({"round": 3})
    assert read_lines(path) == [{"round": 1}, {"round": 3}]


def test_a_kill_loses_no_line_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    script = f"""
import sys
sys.path.insert(0, {ROOT!r})
from pathlib import Path
from fedprune.runs.log import JsonLines
log = JsonLines(Path({str(path)!r}))
for round in range(10**9):
    log.append({{"round": round, "padding": "x" * (round % 50)}})
    print(round, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(200):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        confirmed = int(writer.stdout.read().split("\n")[-2:][0] or 199)
    found = [record["round"] for record in read_lines(path)]
    assert found == list(range(len(found)))
    assert len(found) > confirmed


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    log = JsonLines(tmp_path / "log")
    log.close()
    log.close()


def test_a_record_that_nobody_can_reckon_with_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    whole = {"round": 1, "clients": [0], "failed": [], "train_loss": None, "bytes_up": 3, "score": "accuracy"}
    for field, value in [
        ("bytes_up", "x"),
        ("round", None),
        ("failed", [3]),
        ("clients", ["0"]),
        ("score", 1),
    ]:
        path.write_text(json.dumps(whole) + "\n" + json.dumps({**whole, field: value}) + "\n")
        with pytest.raises(RunError, match=f"line 2: '{field}' is not what it should be"):
            read_lines(path)


def test_a_file_that_was_changed_is_not_that_of_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with JsonLines(path) as log:
        log.append({"a": 1})
        offset, digest = log.offset, log.digest
        log.append({"a": 2})
    with JsonLines(path) as log:
        log.check(offset, digest)
        log.truncate(offset)
        assert (log.offset, log.digest) == (offset, digest)
    path.write_bytes(path.read_bytes().replace(b"1", b"7"))
    with JsonLines(path) as log, pytest.raises(RunError, match="not what was written"):
        log.check(offset, digest)
