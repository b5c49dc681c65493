"""fedprune: federated learning with personalized pruning, simulated for real and measured in bytes.

The public names below are imported on first use, so that ``import fedprune`` is fast and loads no framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedprune.aggregation import Update
    from fedprune.library import Codec, compare_masks, prune, shrink
    from fedprune.pruning.mask import Mask
    from fedprune.runs.frames import RunData
    from fedprune.scenario import Scenario, load_scenarios
    from fedprune.simulate import resume, run
    from fedprune.strategy import Client, Payload, Server, Strategy
    from fedprune.types import UserError
    from fedprune.views import Report, load, report

    __version__: str

__all__ = [
    "Client",
    "Codec",
    "Mask",
    "Payload",
    "Report",
    "RunData",
    "Scenario",
    "Server",
    "Strategy",
    "Update",
    "UserError",
    "__version__",
    "compare_masks",
    "load",
    "load_scenarios",
    "prune",
    "report",
    "resume",
    "run",
    "shrink",
]

_HOMES = {
    "Client": "strategy",
    "Codec": "library",
    "Mask": "pruning.mask",
    "Payload": "strategy",
    "Report": "views",
    "RunData": "runs.frames",
    "Scenario": "scenario",
    "Server": "strategy",
    "Strategy": "strategy",
    "Update": "aggregation",
    "UserError": "types",
    "compare_masks": "library",
    "load": "views",
    "load_scenarios": "scenario",
    "prune": "library",
    "report": "views",
    "resume": "simulate",
    "run": "simulate",
    "shrink": "library",
}
"""Public name -> module of this package that defines it."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"fedprune.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'fedprune' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    """The installed version; a bare checkout has none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("fedprune")
    except PackageNotFoundError:
        return "0+unknown"
