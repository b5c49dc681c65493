"""Users' modules that can be imported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .users import MODULES


@pytest.fixture(scope="package", autouse=True)
def _importable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A module ``theirs`` with MODULES, and one that cannot be imported."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "theirs.py").write_text(MODULES, "utf-8")
    (folder / "failing.py").write_text("import nothing_of_that_name\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield
