"""What holds for every test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from pathlib import Path

import pytest

BATTERY = Path(__file__).parent / "conformance"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests compute with one thread: several in each worker of pytest only wait for each other, busily.

    Whole runs see to that themselves, as those of the battery show, which would have other bits otherwise.
    """
    from fedprune.compute.threads import one_thread

    with nullcontext() if item.path.is_relative_to(BATTERY) else one_thread():
        return (yield)
