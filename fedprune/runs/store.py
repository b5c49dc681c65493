"""What clients keep between rounds, a file per client and round, so that each checkpoint finds its own.

Versions are immutable: a round that is rejected or rolled back leaves the version before it untouched. Files
appear by rename and carry a checksum, so a killed process leaves nothing that loads wrongly. They are not
fsynced, which would cost more than everything else here: a power cut may lose them, and loading then says so.
"""

from __future__ import annotations

import os
from pathlib import Path

from fedprune.runs.arrays import DamagedError, pack, unpack
from fedprune.runs.files import TEMPORARY, RunError, explained, write_atomic
from fedprune.types import Arrays

SUFFIX = ".safetensors"


class VersionedStore:
    """Arrays by (client, round), in ``<folder>/<client>/<round>.safetensors``; nothing is held in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, client: int, round: int, arrays: Arrays) -> None:
        """Keeps ``arrays`` (dtypes: runs.arrays.DTYPES) as the client's version of ``round``, at least 1.

        Raises RunError when the disk refuses; nothing of the version is then left.
        """
        if round < 1:
            raise ValueError(f"versions begin at round 1, not {round}")
        path = self.path(client, round)
        with explained("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, pack(arrays), durable=False)

    def load(self, client: int, round: int) -> Arrays:
        """The client's version of exactly ``round``, writable; empty for round 0 and below.

        Raises RunError when the version is missing or damaged.
        """
        if round <= 0:
            return {}
        path = self.path(client, round)
        remedy = "start the run again with --force"
        try:
            return unpack(path.read_bytes())
        except DamagedError as error:
            raise RunError(
                f"state of client {client} after round {round} is damaged ({path}: {error}); {remedy}"
            ) from error
        except OSError as error:
            reason = f"{path}: {error.strerror}"
            raise RunError(
                f"state of client {client} after round {round} cannot be read ({reason}); {remedy}"
            ) from error

    def rounds(self, client: int) -> list[int]:
        """Rounds of the versions on disk, ascending; newer than the last committed one, they do not count."""
        stems = (path.stem for path in (self.folder / str(int(client))).glob(f"*{SUFFIX}"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def collect(self, client: int, current: int, floor: int) -> None:
        """Deletes the client's versions that nobody can ask for any more.

        ``current`` is the round of its newest committed version (0: none): newer ones were rejected, or are
        from before a resume. ``floor`` is the round of the oldest retained checkpoint (0: none): it needs the
        newest version that is not newer than itself, and none older. Call it **before** the client's next
        ``save``: with a newer version committed, a rejected one below it would pass for a committed one.
        Raises RunError when the disk refuses.
        """
        folder = self.folder / str(client)
        with explained("clean up", folder):
            names = os.listdir(folder) if folder.is_dir() else []
            versions = {int(stem): name for name in names if (stem := name.removesuffix(SUFFIX)).isdecimal()}
            committed = [round for round in versions if round <= current]
            oldest = max((round for round in committed if round <= floor), default=0)
            stale = [name for round, name in versions.items() if round > current or round < oldest]
            for name in [*stale, *(name for name in names if name.endswith(TEMPORARY))]:
                (folder / name).unlink(missing_ok=True)

    def path(self, client: int, round: int) -> Path:
        """The file of one version of a client's arrays."""
        return self.folder / str(int(client)) / f"{int(round)}{SUFFIX}"
