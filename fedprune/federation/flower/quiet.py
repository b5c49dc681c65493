"""Environment variables that keep Flower and Ray from phoning home, installing things and chatting."""

from __future__ import annotations

import os

QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "FLWR_LOG_LEVEL": "WARNING",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Read by flwr and ray when they are imported; FLWR_HOME stays the user's."""


def keep_flower_quiet() -> None:
    """Set each of QUIET that the user has not set; call it before flwr is imported."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
