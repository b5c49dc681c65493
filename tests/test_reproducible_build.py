"""Wheel and sdist have the same bits whoever builds them, wherever and whenever."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fedprune

CHECKOUT = Path(fedprune.__file__).parents[1]


def built(folder: Path, timestamp: int) -> dict[str, str]:
    """File name -> sha256 of what a copy of the tree gives whose files were all touched at that time."""
    copy = folder / "tree"
    skipped = shutil.ignore_patterns("__pycache__", ".git", ".venv", ".*_cache", "runs", "dist")
    shutil.copytree(CHECKOUT, copy, ignore=skipped, symlinks=True)
    for path in copy.rglob("*"):
        os.utime(path, (timestamp, timestamp), follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder / "dist")],
        cwd=copy,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
    )
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "dist").iterdir())
    }


@pytest.mark.slow
def test_two_builds_of_one_tree_are_the_same_bits(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="needs hatchling, which [dev] installs")
    if not (CHECKOUT / "pyproject.toml").is_file():
        pytest.skip("needs fedprune's own source tree")
    first = built(tmp_path / "one", 1_000_000_000)
    assert {name.rpartition(".")[2] for name in first} == {"whl", "gz"}
    assert built(tmp_path / "other" / "deeper", 1_600_000_000) == first
