"""A run folder that somebody else made is data: whatever its files hold is read or told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune import simulate
from fedprune.cli import main
from fedprune.runs.seal import seal
from tests.conformance.battery import small
from tests.damage import copied

FILES = (
    "scenario.toml",
    "task.json",
    "status.json",
    "rounds.jsonl",
    "clients.jsonl",
    "final.jsonl",
    "results.json",
)
TEXTS = {
    "nested beyond any depth": b"[" * 100_000,
    "no text": b"\xff\xfe\x00",
    "a number of 5,000 digits": b'{"round": ' + b"9" * 5000 + b"}",
    "terminal codes": b'{"label": "\\u001b]0;x\\u0007", "round": 1, "client": 0}',
    "another type": b"[1, 2]\n",
    "nothing": b"{}\n",
    "numbers that cannot be": b'{"round": -5, "client": -1, "bytes_up": 1e308, "bytes_down": 1e999}\n',
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = small({"name": "fedavg"}, run={"rounds": 1})
    (made,) = simulate.run(scenario, out=tmp_path_factory.mktemp("whole"))
    return made.folder


@pytest.mark.parametrize("name", FILES)
def test_whatever_a_sealed_file_holds_it_is_read_or_told_in_one_line(
    name: str, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, text in TEXTS.items():
        run = copied(whole, tmp_path / kind)
        (run / name).write_bytes(text)
        seal(run, ended=True)  # As whoever made the folder would.
        for verb in ("show", "report", "resume"):
            status = main([verb, str(run)])
            told = capsys.readouterr()
            last = told.err.splitlines()[-1:]
            assert status in (0, 2), (kind, verb)
            assert all(line.isprintable() for line in told.out.splitlines()), (kind, verb)
            assert status == 0 or last[0].startswith("fedprune: error: "), (kind, verb)
            assert all(line.isprintable() for line in last), (kind, verb)
