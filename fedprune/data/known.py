"""Known data sets: plug-ins that declare where their samples come from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from fedprune import plugins
from fedprune.data import cache, hub, stored
from fedprune.data.declared import BundledSet, HubSet
from fedprune.data.schema import Content
from fedprune.data.stored import Dataset


def known_set(name: str, root: Path | None) -> Dataset:
    """The known set of that name, from the cache when its source has been decoded before.

    Raises DataError when the set is not to be had or not readable, UnknownPluginError for an unknown name.
    """
    declared: BundledSet | HubSet = plugins.load("datasets", name).SET
    origin = plugins.origin("datasets", name)
    # Another user's file may have the name, and one's own may be edited; fedprune's are as LAYOUT says.
    code = [origin.sha256] if origin else []
    if isinstance(declared, BundledSet):
        return stored.dataset(name, ["bundled", *code] if code else "bundled", declared.read)
    folder = root / name if root is not None else None
    if folder is not None and folder.is_dir():
        source: object = [
            cache.identity(path) for paths in hub.local_files(folder).values() for path in paths
        ]
    else:
        source, folder = declared.repo, None
    key = [_declaration(declared), source, *code]
    return stored.dataset(name, key, lambda: _read(name, declared, folder, root))


def _read(name: str, declared: HubSet, folder: Path | None, root: Path | None) -> Content:
    if folder is not None:
        return hub.read_local(name, declared, folder)
    wanted = f"no folder {root / name}" if root is not None else "FEDPRUNE_DATA is not set"
    return hub.read_hub(name, declared, wanted)


def _declaration(declared: HubSet) -> dict[str, Any]:
    """What of a declaration decides what is stored, as JSON."""
    return {key: value for key, value in asdict(declared).items() if key not in ("repo", "decode")}
