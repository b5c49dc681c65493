"""fedprune as a reader has it: the wheel in a virtual environment of its own, once for all pages."""

from __future__ import annotations

import pytest

from tests.docs.player import Installed, wheel


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel with the dependencies that are there, its scenarios cut to a few seconds."""
    pytest.importorskip("hatchling.builders.wheel", reason="needs hatchling, which [dev] installs")
    made = Installed(tmp_path_factory.mktemp("venv"), wheel(tmp_path_factory.mktemp("dist")))
    made.cut()
    return made
