"""The user's plug-ins that a run was made with: written down when it begins, compared when it goes on.

What is written down is for comparison and for messages. A run's files never say where code is looked for:
whoever goes on with a run stands where its plug-ins are.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fedprune import plugins
from fedprune.plugins import Origin
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


def check_code(folder: RunFolder, *, changed: bool = False) -> None:
    """Raises RunError when a plug-in that the run began with is gone, or (unless ``changed``) has changed."""
    for record in folder.environment.get("plugins", []):
        kind, name, file = record["kind"], record["name"], Path(record["file"])
        called = f"{plugins.KINDS[kind].called} '{name}'" if kind in plugins.KINDS else f"'{name}'"
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
                "two methods; undo the change, begin anew with fedprune run --force, or allow it with "
                "fedprune resume --other-versions"
            )
