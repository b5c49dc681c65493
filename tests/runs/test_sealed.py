"""Sealed lines give back what was written about one thing, and nothing that was damaged since."""

from __future__ import annotations

from pathlib import Path

from fedprune.runs.sealed import SealedLines

RECORDS = [
    {"client": client, "score": 1 / (client + 3), "layers": {"b": 0.5, "a": None}} for client in range(4)
]


def written(path: Path) -> bytes:
    with SealedLines(path, "run a") as lines:
        for record in RECORDS:
            lines.append(record)
    return path.read_bytes()


def found(path: Path, about: str = "run a") -> list[dict[str, object]]:
    with SealedLines(path, about) as lines:
        return lines.read()


def test_records_come_back_as_they_were_to_the_bit_and_in_order(tmp_path: Path) -> None:
    written(tmp_path / "lines")
    assert found(tmp_path / "lines") == RECORDS
    assert [list(record) for record in found(tmp_path / "lines")] == [list(record) for record in RECORDS]


def test_lines_about_something_else_are_passed_over_and_stay(tmp_path: Path) -> None:
    written(tmp_path / "lines")
    assert found(tmp_path / "lines", "run b") == []
    assert found(tmp_path / "lines") == RECORDS


def test_no_flipped_bit_makes_another_record(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    data = written(path)
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(bytes(damaged))
        assert all(record in RECORDS for record in found(path))


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(written(path)[:-5])
    assert found(path) == RECORDS[:-1]
