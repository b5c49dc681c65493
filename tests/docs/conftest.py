"""fedprune as a reader has it: the wheel in a virtual environment of its own, once for all pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.forks import forking
from tests.docs.player import Installed, wheel


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel with the dependencies that are there, its scenarios cut to a few seconds."""
    pytest.importorskip("hatchling.builders.wheel", reason="needs hatchling, which [dev] installs")
    made = Installed(tmp_path_factory.mktemp("venv"), wheel(tmp_path_factory.mktemp("dist")))
    made.cut()
    return made


@pytest.fixture(scope="session")
def commands(installed: Installed) -> Iterator[Path]:
    """A folder with a ``python`` and a ``fedprune`` of that environment, which start at once."""
    with tempfile.TemporaryDirectory() as folder, forking(installed.environment, Path(folder)) as made:
        yield made
