"""What clients keep between rounds, a file per client and round, so that each checkpoint finds its own.

Clients' folders lie in shards of SHARD, so that no folder grows with the clients that exist.

Versions are immutable: a round that is rejected or rolled back leaves the version before it untouched. Files
appear by rename, carry a checksum, and name their run, client and round inside, so a killed process leaves
nothing that loads wrongly and one that lies in another's place is found out. They are not fsynced, which
would cost more than everything else here: a power cut may lose them, and loading then says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from fedprune.runs.arrays import About, DamagedError, pack, unpack
from fedprune.runs.files import TEMPORARY, RunError, explained, folder_descriptor, read_file, write_in
from fedprune.types import Arrays

SUFFIX = ".safetensors"
SHARD = 1000
"""So many clients share a shard, the folder that theirs are in: ``0-999``, ``1000-1999`` and so on."""


class ClientStore(Protocol):
    """What a client needs of a store, wherever that is."""

    def save(self, client: int, round: int, arrays: Arrays) -> None:
        """See ``VersionedStore.save``."""

    def load(self, client: int, round: int) -> Arrays:
        """See ``VersionedStore.load``."""

    def collect(self, client: int, current: int, floor: int) -> None:
        """See ``VersionedStore.collect``."""


class VersionedStore:
    """Arrays by (client, round), in ``<folder>/<shard>/<client>/<round>.safetensors``; nothing is held in
    memory."""

    def __init__(self, folder: Path, run: str = "") -> None:
        """A store in ``folder``, which is there already; ``run`` is the run's identity, where it has one."""
        self.folder, self._run = folder, run

    def save(self, client: int, round: int, arrays: Arrays) -> None:
        """Keeps ``arrays`` (dtypes: runs.arrays.DTYPES) as the client's version of ``round``, at least 1.

        Raises RunError when the disk refuses; nothing of the version is then left.
        """
        if round < 1:
            raise ValueError(f"versions begin at round 1, not {round}")
        path = self.path(client, round)
        data = pack(arrays, self._about(client, round))
        with explained("write", path), self._opened(client, make=True) as folder:
            write_in(folder, path.name, data, durable=False)

    def load(self, client: int, round: int) -> Arrays:
        """The client's version of exactly ``round``, writable; empty for round 0 and below.

        Raises RunError when the version is missing, damaged, or another one.
        """
        if round <= 0:
            return {}
        try:
            return self._read(client, round)
        except RunError as error:
            raise RunError(
                f"{error}; fedprune resume goes back to before it where it can, else start the run again with"
                " --force"
            ) from error

    def check(self, client: int, round: int) -> None:
        """Raises RunError when the client's version of that round cannot be read as it was written."""
        self._read(client, round)

    def is_empty(self) -> bool:
        """Whether no client has anything here, as where clients keep their state elsewhere. Raises
        RunError."""
        with explained("read", self.folder), os.scandir(self.folder) as entries:
            return next(entries, None) is None

    def rounds(self, client: int) -> list[int]:
        """Rounds of the versions on disk, ascending; newer than the last committed one, they do not count."""
        stems = (path.stem for path in self._place(client).glob(f"*{SUFFIX}"))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def collect(self, client: int, current: int, floor: int) -> None:
        """Deletes the client's versions that nobody can ask for any more.

        ``current`` is the round of its newest committed version (0: none): newer ones were rejected, or are
        from before a resume. ``floor`` is the round of the oldest retained checkpoint (0: none): it needs the
        newest version that is not newer than itself, and none older. Call it **before** the client's next
        ``save``: with a newer version committed, a rejected one below it would pass for a committed one.
        Raises RunError when the disk refuses.
        """
        path = self._place(client)
        if not os.path.lexists(path):
            return
        with explained("clean up", path), self._opened(client) as folder:
            names = os.listdir(folder)
            versions = {int(stem): name for name in names if (stem := name.removesuffix(SUFFIX)).isdecimal()}
            committed = [round for round in versions if round <= current]
            oldest = max((round for round in committed if round <= floor), default=0)
            stale = [name for round, name in versions.items() if round > current or round < oldest]
            for name in [*stale, *(name for name in names if name.endswith(TEMPORARY))]:
                os.unlink(name, dir_fd=folder)

    def path(self, client: int, round: int) -> Path:
        """The file of one version of a client's arrays."""
        return self._place(client) / f"{int(round)}{SUFFIX}"

    def _place(self, client: int) -> Path:
        """The folder of a client's versions."""
        first, name = int(client) // SHARD * SHARD, str(int(client))
        # Earlier versions of fedprune had no shards; what they began stays where it is.
        unsharded = self.folder / name
        if os.path.lexists(unsharded):
            return unsharded
        return self.folder / f"{first}-{first + SHARD - 1}" / name

    @contextmanager
    def _opened(self, client: int, *, make: bool = False) -> Iterator[int]:
        """A descriptor of a client's folder, reached through no link. Raises OSError.

        With ``make`` it is made where it is missing, but not the store's: what was removed while a run went
        on does not half return.
        """
        path = self._place(client)
        if make:
            with suppress(FileExistsError):
                path.parent.mkdir()
        with folder_descriptor(path.parent) as shard:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(path.name, dir_fd=shard)
            with folder_descriptor(path.name, dir_fd=shard) as folder:
                yield folder

    def _read(self, client: int, round: int) -> Arrays:
        path = self.path(client, round)
        called = f"state of client {client} after round {round}"
        try:
            with self._opened(client) as folder:
                data = read_file(path.name, dir_fd=folder)
            return unpack(data, self._about(client, round))
        except DamagedError as error:
            raise RunError(f"{called} is damaged ({path}: {error})") from error
        except OSError as error:
            raise RunError(f"{called} cannot be read ({path}: {error.strerror})") from error

    def _about(self, client: int, round: int) -> About:
        return {"run": self._run, "client": int(client), "round": int(round)}
