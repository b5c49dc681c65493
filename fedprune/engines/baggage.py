"""What a node of a cluster needs and only the driver's machine has: the user's plug-ins and modules, and data
that were handed over in memory.

They travel together and go into each node's cache, once. Data sets with a name or a folder do not travel:
each node reads a copy of its own, as the driver does.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fedprune.data.cache import add_folder, cache_folder
from fedprune.plugins import KINDS, is_installed
from fedprune.plugins.local_code import local_files

_MODULES = "modules"

Files = Mapping[str, bytes]
"""Path below a folder -> what the file holds."""


@dataclass(frozen=True)
class Baggage:
    """Files for a node."""

    code: Files
    """``0/...``, ``1/...`` from the folders of plug-ins, in their order, and ``modules/...``."""
    content: str = ""
    """The hash of data that were handed over in memory; empty where they have a name."""
    data: Files | None = None


def packed(plugins: str, modules: str, content: str) -> Baggage:
    """What a node needs.

    Args:
        plugins: folders of plug-ins, between the system's path separators.
        modules: import paths, between spaces.
        content: see ``Baggage.content``.
    """
    code: dict[str, bytes] = {}
    for number, folder in enumerate(filter(None, plugins.split(os.pathsep))):
        for file in _plugin_files(Path(folder)):
            code[f"{number}/{file.relative_to(folder).as_posix()}"] = file.read_bytes()
            code.update(_modules_of(file))
    for name in shlex.split(modules):
        found = importlib.util.find_spec(name.partition(":")[0])
        if found is not None and found.origin is not None and not is_installed(Path(found.origin)):
            code.update(_modules_of(Path(found.origin)))
    entry = cache_folder("contents") / content
    data = {file.name: file.read_bytes() for file in sorted(entry.iterdir())} if content else None
    return Baggage(code, content, data)


def unpack(baggage: Baggage, plugins: str) -> str:
    """Put the files into this machine's cache, and the modules where imports find them.

    Returns the folders of plug-ins as they are here. Raises DataError when the cache cannot be written.
    """
    digest = hashlib.sha256()
    for name, data in sorted(baggage.code.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    root = cache_folder("code") / digest.hexdigest()[:24]
    _add(root, baggage.code)
    if baggage.data is not None:
        _add(cache_folder("contents") / baggage.content, baggage.data)
    sys.path.append(str(root / _MODULES))
    importlib.invalidate_caches()
    count = len(list(filter(None, plugins.split(os.pathsep))))
    return os.pathsep.join(str(root / str(number)) for number in range(count))


def _add(target: Path, files: Files) -> None:
    def fill(folder: Path) -> None:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

    if not target.is_dir():
        add_folder(target, fill)


def _plugin_files(folder: Path) -> Iterator[Path]:
    """The Python files of the plug-ins in a folder of the user's."""
    for kind in KINDS:
        yield from sorted((folder / kind).rglob("*.py"))


def _modules_of(file: Path) -> Iterator[tuple[str, bytes]]:
    """The modules of the user that a file consists of and imports, by where imports find them."""
    roots = [Path(entry or ".").absolute() for entry in sys.path]
    for path in local_files(file):
        above = [root for root in roots if path.is_relative_to(root)]
        if above:
            root = max(above, key=lambda each: len(each.parts))
            packages = [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(root)]
            for each in (path, *(package for package in packages[:-1] if package.is_file())):
                yield f"{_MODULES}/{each.relative_to(root).as_posix()}", each.read_bytes()
