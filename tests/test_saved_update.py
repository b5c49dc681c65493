"""Updates from files fit their masks or are refused in one line; synthetic ones are keyed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fedprune.cli import main
from fedprune.saved_update import UpdateError, saved, synthetic

ARRAYS = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2), "count": np.array([3])}
MASK = {"w": np.array([[True, False, True], [False, True, True]])}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "run" / "final").mkdir(parents=True)
    save_file(ARRAYS, tmp_path / "run" / "final" / "weights.safetensors")
    save_file(MASK, tmp_path / "mask.safetensors")
    return tmp_path


def test_a_run_folder_is_its_final_weights_in_single_precision(files: Path) -> None:
    update = saved(files / "run")
    assert sorted(update.arrays) == ["b", "w"]
    assert {value.dtype.name for value in update.arrays.values()} == {"float32"}
    assert update.mask is None


def test_a_file_and_its_mask_become_a_table(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = files / "run" / "final" / "weights.safetensors"
    assert main(["bits", str(weights), "--mask", str(files / "mask.safetensors"), "--json"]) == 0
    rows = {row["codec"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["fp32"]["values"], rows["fp32"]["dense"], rows["bitmap mask"]["mask"]) == (16, 8, 1)


@pytest.mark.parametrize(
    ("content", "mask", "what"),
    [
        ({"w": np.array([np.nan])}, None, "w holds NaN or inf"),
        ({"count": np.array([1])}, None, "no array of floating numbers"),
        ({"w": np.ones((2, 2))}, {"w": np.ones(4, np.bool_)}, r"shape \(4,\)"),
        ({"w": np.ones((2, 2))}, {"v": np.ones((2, 2), np.bool_)}, "not there"),
        ({"w": np.ones((2, 2))}, {"w": np.full((2, 2), 0.5)}, "must be bools"),
    ],
)
def test_what_cannot_travel_is_refused(
    tmp_path: Path, content: dict[str, np.ndarray], mask: dict[str, np.ndarray] | None, what: str
) -> None:
    save_file(content, tmp_path / "w.safetensors")
    if mask is not None:
        save_file(mask, tmp_path / "m.safetensors")
    with pytest.raises(UpdateError, match=what):
        saved(tmp_path / "w.safetensors", None if mask is None else tmp_path / "m.safetensors")


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x02" + bytes(7) + b"{}x"])
def test_damaged_files_are_one_line_and_status_2(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    assert main(["bits", str(tmp_path / "w.safetensors")]) == 2
    assert main(["bits", str(tmp_path / "missing.safetensors")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("fedprune: error: ") and "safetensors" in line for line in errors)


def test_a_synthetic_update_is_keyed_and_keeps_its_share() -> None:
    update, again = synthetic("lenet5", 0.3), synthetic("lenet5", 0.3)
    assert all(np.array_equal(update.arrays[name], again.arrays[name]) for name in update.arrays)
    assert update.mask == again.mask
    assert update.mask is not None
    assert sum(value.size for value in update.arrays.values()) == 62_006
    assert all(share == pytest.approx(0.3, abs=0.002) for share in update.mask.densities().values())


@pytest.mark.parametrize("arguments", [["--kept", "0"], ["--kept", "x"], ["file", "--synthetic", "lenet5"]])
def test_what_makes_no_sense_is_status_2(arguments: list[str]) -> None:
    assert main(["bits", *arguments]) == 2
