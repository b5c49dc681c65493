"""A file is replaced whole or not at all, and what went wrong is one line with a remedy."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest

from fedprune.runs.files import RunError, explained, read_json, write_atomic, write_json

from .faults import failing, full_disk


@pytest.mark.parametrize("durable", [True, False])
def test_a_failure_at_any_call_leaves_the_old_file_or_the_new(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    at, done = 0, False
    while not done:
        path.write_bytes(b"old")
        with (
            failing(at, full_disk, ("open", "write", "fsync", "replace")) as made,
            contextlib.suppress(RunError),
        ):
            write_atomic(path, b"newer", durable=durable)
        done = len(made) <= at
        assert path.read_bytes() in (b"old", b"newer")
        assert os.listdir(tmp_path) == ["file"]
        at += 1
    assert path.read_bytes() == b"newer"
    assert made.count("fsync") == (2 if durable else 0)


@pytest.mark.parametrize(
    "code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT, errno.EMLINK]
)
def test_a_refusing_disk_is_explained_in_one_line(code: int) -> None:
    with pytest.raises(RunError) as caught, explained("write", Path("runs/x")):
        raise OSError(code, os.strerror(code))
    message = str(caught.value)
    assert message.startswith(f"cannot write runs/x: {os.strerror(code)}; ")
    assert "\n" not in message
    assert "--out" in message


def test_json_is_read_back_and_nan_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 0.1, "a": [None]}, durable=False)
    assert list(read_json(tmp_path / "x.json").items()) == [("b", 0.1), ("a", [None])]
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "y.json", {"b": float("nan")}, durable=False)
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_json_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"x\.json.*damaged"):
        read_json(path)


def test_texts_of_a_json_file_are_such_that_a_terminal_may_have_them(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    file.write_text(
        '{"state": "\\u001b]0;owned\\u0007", "\\u202ex": ["\\ud800", 1, {"a": "\\r\\n"}]}', "utf-8"
    )
    assert read_json(file) == {
        "state": "\\x1b]0;owned\\x07",
        "\\u202ex": ["\\ud800", 1, {"a": "\\r\\n"}],
    }
