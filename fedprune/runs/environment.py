"""What a result depends on beside its scenario: versions, processor, commit. No user or host names."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fedprune.plugins import PACKAGE, bundled

PACKAGES = (
    "fedprune",
    "torch",
    "flwr",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch-pruning",
    "constriction",
    "zstandard",
    "pillow",
    "polars",
    "datasets",
    "flwr-datasets",
)
"""Packages of which another version may give other bits."""


def environment() -> dict[str, Any]:
    """The record for ``environment.json``; what cannot be found out is None."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
        "source": source(),
    }


@cache
def source() -> str:
    """The sha256 of fedprune's own Python files: equal for equal code, from a checkout or a wheel."""
    inside = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    beside = {f"strategies/{path.name}": path for path in bundled("strategies").glob("*.py")}
    digest = hashlib.sha256()
    for name, path in sorted({**inside, **beside}.items()):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def changes(then: Mapping[str, Any]) -> list[str]:
    """What may change bits and differs here from the record ``then`` of ``environment``, each as text.

    What the record does not tell counts as equal.
    """
    now = {"python": platform.python_version(), "cpu": _processor()}
    now |= {name: _version(name) for name in PACKAGES}
    before = {**{name: then.get(name) for name in ("python", "cpu")}, **then.get("versions", {})}
    return [
        f"{name} {before[name]} (here {found})"
        for name, found in now.items()
        if before.get(name) not in (None, found)
    ]


@cache  # Reading a package's metadata takes milliseconds, which every run would pay.
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str | None:
    """The processor's model: it decides which kernels torch picks, hence the last bits."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor() or None
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or None


def _commit() -> str | None:
    """The checked-out commit when fedprune runs from a checkout, followed by ``+`` when files changed."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "HEAD")
    return commit and commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
