"""How far plug-ins may be looked for: in which folders of the user's, and which modules by import path.

The process that a person started looks in its working directory, and imports what its scenario names. A
client is told by whoever started it (see ``fedprune.federation.flower.client_app``): no message adds to that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reach:
    """Where plug-ins may come from, beside fedprune itself and installed packages."""

    folders: tuple[Path, ...] | None = None
    """Folders in which ``strategies/``, ``criteria/`` ... are searched; None: the working directory."""
    modules: frozenset[str] | None = None
    """Import paths that may be imported; None: all."""


_current = Reach()


def modules() -> frozenset[str] | None:
    """The import paths that this process may import now; None: all."""
    return _current.modules


def folders() -> tuple[Path, ...]:
    """The folders in which this process looks now, absolute."""
    return (Path.cwd(),) if _current.folders is None else _current.folders


@contextmanager
def reaching(folders: Iterable[Path], modules: Iterable[str] | None = None) -> Iterator[None]:
    """Inside, plug-ins are looked for in ``folders`` alone, and only ``modules`` may be imported by path.

    It holds for the whole process and not for one thread, since strategies and codecs find their parts in
    threads of the engine as well.
    """
    global _current
    before = _current
    found = dict.fromkeys(folder.resolve() for folder in folders)
    _current = Reach(tuple(found), None if modules is None else frozenset(modules))
    try:
        yield
    finally:
        _current = before
