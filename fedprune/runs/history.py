"""The server's weights after some rounds, kept for studies of a finished run; no resume reads them."""

from __future__ import annotations

from pathlib import Path

from fedprune.runs.arrays import About, pack, read_arrays
from fedprune.runs.files import explained, write_atomic
from fedprune.types import Arrays

_SUFFIX = ".safetensors"


class History:
    """``<folder>/<round>.safetensors``; the folder is made with its first file.

    Each file names its round and ``run``, the run's identity, inside.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self._run = folder, run

    def save(self, round: int, weights: Arrays) -> None:
        """Keeps ``weights`` as those after ``round``. Raises RunError when the disk refuses."""
        with explained("write", self.folder):
            self.folder.mkdir(exist_ok=True)
        write_atomic(self._path(round), pack(weights, self._about(round)), durable=False)

    def rounds(self) -> list[int]:
        """The rounds whose weights are kept, ascending."""
        stems = (path.stem for path in self.folder.glob(f"*{_SUFFIX}"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def load(self, round: int) -> Arrays:
        """The weights after ``round``. Raises RunError when they are missing or damaged."""
        return read_arrays(self._path(round), self._about(round))

    def _about(self, round: int) -> About:
        return {"run": self._run, "round": round}

    def _path(self, round: int) -> Path:
        return self.folder / f"{round}{_SUFFIX}"
