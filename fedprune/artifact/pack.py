"""``pack``: writes the archive."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedprune.artifact import texts
from fedprune.artifact.code import own_code, users_code
from fedprune.artifact.versions import lock
from fedprune.runs.code import check_code
from fedprune.runs.environment import environment
from fedprune.runs.files import RunError, explained, write_atomic
from fedprune.runs.folder import FILES, RunFolder
from fedprune.scenario import Scenario
from fedprune.scenario.section import MEMORY

SUFFIX = ".zip"
MANIFEST = "artifact.json"
RUNS, CODE = "runs", "code"
"""Folders of an archive: what the runs left, and the code with which they are repeated."""

_MOMENT = (1980, 1, 1, 0, 0, 0)
"""When all files of an archive were made: equal contents give equal archives."""


def pack(folders: Sequence[Path], target: Path) -> list[str]:
    """Write the artifact of the runs in ``folders`` to ``target`` (``.zip``).

    Returns what whoever made it should know, a line each: where this machine or fedprune is not that of a
    run. Raises RunError for a run that is not finished, whose plug-ins have changed since, or whose data were
    handed over in memory, and when the archive cannot be written.
    """
    if target.suffix != SUFFIX:
        raise RunError(f"{target}: an artifact is a zip archive: give it a name that ends in {SUFFIX}")
    files: dict[str, bytes] = {}
    scenarios: dict[str, Scenario] = {}
    notes: list[str] = []
    for path in folders:
        run = RunFolder.open(path)
        name = path.resolve().name
        if name in scenarios:
            raise RunError(f"{path}: another run is called {name} too; give each run once")
        scenarios[name] = _scenario(run)
        files |= {f"{RUNS}/{name}/{inner}": data for inner, data in _results(run).items()}
        notes += [f"{name}: {line}" for line in _drift(run.environment)]
    files |= _code(list(scenarios.values()))
    files["requirements.txt"] = lock().encode()
    files["repeat.py"] = texts.REPEAT.encode()
    files["README.md"] = texts.readme(scenarios, notes).encode()
    files[MANIFEST] = _manifest(files, list(scenarios))
    write_atomic(target, _zipped(files), durable=False)
    return notes


def _scenario(run: RunFolder) -> Scenario:
    """The run's scenario, its plug-ins where they were. Raises RunError where it cannot be repeated."""
    import tomllib

    if run.read_status()["state"] != "complete":
        raise RunError(f"{run.path} is not finished; go on with: fedprune resume {run.path}")
    check_code(run)
    scenario = Scenario.from_dict(tomllib.loads(run.scenario_toml))
    if scenario.data.name == MEMORY:
        raise RunError(
            f"{run.path}: its data were handed over in memory, which an artifact cannot repeat; write them "
            "to a file and name that as data.name"
        )
    return scenario


def _results(run: RunFolder) -> dict[str, bytes]:
    """What the run left, without its checkpoints and the clients' state: name inside its folder -> bytes."""
    paths = [run.path / name for name in (*FILES, "status.json")]
    paths += sorted((run.path / "final").iterdir())
    with explained("read", run.path):
        return {path.relative_to(run.path).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _code(scenarios: Sequence[Scenario]) -> dict[str, bytes]:
    """fedprune and the user's plug-ins, as they are imported by a run that stands in the folder CODE."""
    origins = dict.fromkeys(origin for scenario in scenarios for origin in scenario.origins)
    named = [(f"fedprune/{name}", path) for name, path in own_code()] + list(users_code(origins))
    return {f"{CODE}/{name}": path.read_bytes() for name, path in named}


def _drift(then: Mapping[str, Any]) -> list[str]:
    """Where what is installed now is not what the run was made with."""
    now = environment()
    lines = [
        f"made with {name} {version}, packed with {now['versions'].get(name)}"
        for name, version in (then.get("versions") or {}).items()
        if version != now["versions"].get(name)
    ]
    if then.get("source") not in (None, now["source"]):
        lines.append("made with other code of fedprune than is packed")
    return lines


def _manifest(files: Mapping[str, bytes], runs: Sequence[str]) -> bytes:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    return (json.dumps({"runs": runs, "packed": environment(), "sha256": digests}, indent=2) + "\n").encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), data, zipfile.ZIP_DEFLATED)
    return written.getvalue()
