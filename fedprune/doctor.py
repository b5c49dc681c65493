"""``fedprune doctor``: what of this machine matters to a run, and what will not work."""

from __future__ import annotations

import os
import platform
import tempfile
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import fedprune
from fedprune import plugins
from fedprune.types import UserError

PACKAGES = ("torch", "flwr", "flwr-datasets", "numpy", "scikit-learn", "torch-pruning", "constriction", "ray")
NOT_INSTALLED = "not installed"


def examine() -> dict[str, dict[str, Any]]:
    """Heading -> what was found, by name; JSON-able. Changes nothing but to make the cache folder."""
    return {
        "versions": _versions(),
        "machine": _machine(),
        "data": {name: _data(name) for name in plugins.names("datasets")},
        "cache": _cache(),
        "phoning home": _telemetry(),
    }


def render(facts: dict[str, dict[str, Any]]) -> str:
    """``examine``'s findings as text."""
    width = max(len(name) for group in facts.values() for name in group)
    lines = []
    for heading, group in facts.items():
        lines += [heading, *(f"  {name:{width}}  {value}" for name, value in group.items())]
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    found = {"fedprune": fedprune.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = NOT_INSTALLED
    return found


def _machine() -> dict[str, Any]:
    memory = psutil.virtual_memory()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "system": platform.platform(),
        "usable cores": usable,
        "cores": os.cpu_count(),
        "memory": f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} GiB available",
        "gpu": _gpu(),
    }


def _gpu() -> str:
    try:
        # A driver too old for the build is a warning of torch's; here it just means that there is no GPU.
        with warnings.catch_warnings(action="ignore"):
            import torch

            if not torch.cuda.is_available():
                return "none that torch can use"
            return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    except (ImportError, OSError, RuntimeError) as error:
        return f"unknown, torch does not work: {' '.join(str(error).split())}"


def _data(name: str) -> str:
    """Where the samples of a data set would come from."""
    from fedprune.data.cache import cache_folder
    from fedprune.data.declared import BundledSet, HubSet

    declared: BundledSet | HubSet = plugins.load("datasets", name).SET
    if isinstance(declared, BundledSet):
        return "bundled"
    root = os.environ.get("FEDPRUNE_DATA")
    if root and (folder := Path(root).expanduser() / name).is_dir():
        return f"in {folder}"
    try:
        if any(cache_folder("sets").glob(f"{name}-*")):
            return "in the cache"
    except UserError:
        pass  # said under "cache"
    return f"not here; FEDPRUNE_DATA/{name}/, else downloaded from the hub ({declared.repo}) on first use"


def _cache() -> dict[str, str]:
    from fedprune.data.cache import cache_folder

    try:
        folder = cache_folder("sets").parent
        with tempfile.TemporaryFile(dir=folder):
            return {"folder": str(folder), "writable": "yes"}
    except (UserError, OSError) as error:
        return {"writable": f"no: {error}"}


def _telemetry() -> dict[str, str]:
    """The variables as a run would set them: off, unless the user has set them."""
    from fedprune.federation.flower.quiet import QUIET

    wanted = ("FLWR_TELEMETRY_ENABLED", "FLWR_DISABLE_UPDATE_CHECK", "RAY_USAGE_STATS_ENABLED")
    return {name: os.environ.get(name, QUIET[name]) for name in wanted}
