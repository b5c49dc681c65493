"""The code that a run was made with: written down when it begins, compared when it goes on or is kept.

What is written down is for comparison and for messages. A run's files never say where code is looked for:
whoever goes on with a run stands where its plug-ins are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fedprune import plugins
from fedprune.plugins import Origin
from fedprune.runs.environment import source
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder


def code_record(origins: Iterable[Origin]) -> list[dict[str, Any]]:
    """What ``environment.json`` holds of each plug-in that is not fedprune's own."""
    return [
        {
            "kind": origin.kind,
            "name": origin.name,
            "file": str(origin.file),
            "folder": None if origin.folder is None else str(origin.folder),
            "sha256": origin.sha256,
        }
        for origin in origins
    ]


def code_of(environment: Mapping[str, Any]) -> dict[str, str]:
    """The user's plug-ins of ``environment.json`` that decide the result, as messages call them -> sha256."""
    found = environment.get("plugins", [])
    return {_called(record): record["sha256"] for record in found if _decides(record["kind"])}


def check_code(folder: RunFolder, *, changed: bool = False) -> None:
    """Raises RunError when a plug-in that the run began with is gone, or (unless ``changed``) has changed."""
    for record in folder.environment.get("plugins", []):
        kind, name, file = record["kind"], record["name"], Path(record["file"])
        called = _called(record)
        try:
            now = plugins.origin(kind, name)
        except plugins.UnknownPluginError:
            where = record["folder"] or file.parent
            advice = (
                f"; go on from its folder: cd {where}" if file.is_file() else ", which is gone: put it back"
            )
            raise RunError(f"{folder.path}: {called} came from {file}{advice}") from None
        if now is None or (now.sha256 != record["sha256"] and not changed):
            raise RunError(
                f"{folder.path}: {called} ({file}) was changed since the run began: its results would be of "
                "two methods; undo the change, begin a new run with fedprune run, or allow it with "
                "fedprune resume --other-versions"
            )


def kept(folder: RunFolder) -> str:
    """What is said of a complete run that is not made again, with how to do so."""
    line = f"{folder.path.name}: already complete, kept"
    if folder.environment.get("source") not in (None, source()):
        line += ", though fedprune's own code has changed since"
    return f"{line}; --force (in Python: force=True) makes it anew"


def _called(record: Mapping[str, Any]) -> str:
    """A recorded plug-in for a message: ``strategy 'mine'``, also of a kind that is no more."""
    kind = plugins.KINDS.get(record["kind"])
    return f"{kind.called if kind else record['kind']} '{record['name']}'"


def _decides(kind: str) -> bool:
    return kind not in plugins.KINDS or plugins.KINDS[kind].decides
