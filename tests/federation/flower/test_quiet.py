"""Flower is kept quiet unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fedprune.federation.flower.quiet import QUIET, keep_flower_quiet


def test_variables_are_set_where_the_user_set_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLWR_LOG_LEVEL", "DEBUG")
    keep_flower_quiet()
    assert os.environ["FLWR_LOG_LEVEL"] == "DEBUG"
    assert os.environ["FLWR_TELEMETRY_ENABLED"] == "0"


def test_importing_the_engines_room_imports_no_flower() -> None:
    code = "import sys, fedprune.engines; sys.exit('flwr' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
