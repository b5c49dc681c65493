"""What a client's machine knows and no message says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fedprune.runs.files import explained, refuse_links
from fedprune.runs.folder import RunFolder, checked_name
from fedprune.runs.personal import personal_store
from fedprune.runs.store import ClientStore, VersionedStore

OpenStore = Callable[[str], ClientStore]
"""The store of a run, by the run's name."""

_elsewhere: OpenStore | None = None


def keep_state_with(open_store: OpenStore | None) -> None:
    """From now on this process keeps clients' state in these stores; None: in its machine's folder of runs.

    For engines whose workers do not see the folder in which the run is.
    """
    global _elsewhere
    _elsewhere = open_store


@dataclass(frozen=True)
class Machine:
    """Where a client runs: its folders, and the code that orders may name."""

    runs: Path
    """Folder of run folders: a client keeps its state in the run's."""
    data: str | None = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""
    modules: frozenset[str] = frozenset()
    """Import paths of the user's own code that orders may name."""
    plugins: tuple[Path, ...] = ()
    """Folders in which it looks for the user's plug-ins: for ``strategies/``, ``criteria/`` ... in them."""
    beside_server: bool = False
    """Whether ``runs`` is where the server keeps the runs too: one that is not there was removed."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Run -> what its folder is called by now, where that is not the run's name any more."""

    def store(self, run: str) -> ClientStore:
        """The clients' state of a run. Raises RunError when its name, or a link, would lead elsewhere."""
        if _elsewhere is not None:
            return _elsewhere(checked_name(run))
        path = self._folder(run)
        return self._checked(path, RunFolder(path).client_state)

    def personal_store(self, run: str) -> VersionedStore:
        """The clients' models of a run after its last round. Raises RunError as ``store`` does."""
        path = self._folder(run)
        return self._checked(path, personal_store(RunFolder(path)))

    def _folder(self, run: str) -> Path:
        return self.runs / self.renamed.get(run, checked_name(run))

    def _checked(self, path: Path, store: VersionedStore) -> VersionedStore:
        if not self.beside_server or _elsewhere is not None:
            with explained("make", store.folder):
                store.folder.mkdir(parents=True, exist_ok=True)
        refuse_links(path, ("", "state", f"state/{store.folder.name}"))
        return store
