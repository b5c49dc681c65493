"""A plug-in's code is its file and what of the user's own it imports, and nothing that is installed."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from fedprune import plugins
from fedprune.plugins.local_code import local_files


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package on the path: ``net.py`` imports its neighbours, one of them only within a function."""
    folder = tmp_path / "fp_own"
    (folder / "parts").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "net.py").write_text(
        "import torch\nfrom fp_own.parts import blocks\n\n"
        "def build():\n    from . import late\n    import fp_single\n    return late\n"
    )
    (folder / "late.py").write_text("import numpy\nimport fedprune\n")
    (folder / "unused.py").write_text("")
    (folder / "parts/__init__.py").write_text("from .deep import nothing\n")
    (folder / "parts/blocks.py").write_text("from fp_own import net\n")
    (folder / "parts/deep.py").write_text("nothing = None\n")
    (tmp_path / "fp_single.py").write_text("broken = (\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_neighbours_are_found_at_any_depth_and_what_is_installed_is_not(package: Path) -> None:
    found = [path.relative_to(package.parent).as_posix() for path in local_files(package / "net.py")]
    assert found[0] == "fp_own/net.py"
    assert set(found[1:]) == {
        "fp_own/__init__.py",
        "fp_own/late.py",
        "fp_own/parts/__init__.py",
        "fp_own/parts/blocks.py",
        "fp_own/parts/deep.py",
        "fp_single.py",
    }


def test_an_installed_module_stands_for_itself() -> None:
    file = Path(numpy.__file__)
    assert local_files(file) == (file,)


def test_what_another_environment_on_the_path_has_installed_is_not_the_users(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "other" / "site-packages"
    below.mkdir(parents=True)
    (below / "fp_theirs.py").write_text("")
    monkeypatch.syspath_prepend(str(below))
    (package / "net.py").write_text("import fp_theirs\n")
    assert [path.name for path in local_files(package / "net.py")] == ["net.py"]


def test_a_plug_ins_hash_is_that_of_all_its_files_wherever_they_lie(package: Path, tmp_path: Path) -> None:
    def digest() -> str:
        found = plugins.origin("models", "fp_own.net:build")
        assert found is not None
        return found.sha256

    before = digest()
    (package / "unused.py").write_text("# changed\n")
    assert digest() == before
    (package / "parts/deep.py").write_text("nothing = 0\n")
    assert digest() != before
