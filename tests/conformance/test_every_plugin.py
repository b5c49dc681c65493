"""Every plug-in of every kind keeps its kind's contract, and a file of one's own is found like any other.

Nothing here is a list of plug-ins: kinds come from ``plugins.KINDS``, plug-ins from their folders, and of
each kind there is an example of a user's file in ``examples/<kind>/``.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from fedprune import cli, plugins

EXAMPLES = Path(__file__).parent / "examples"
EVERY = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]


def example(kind: str) -> Path:
    """The one example of that kind."""
    (found,) = (EXAMPLES / kind).glob("*.py")
    return found


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory of a user's."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def taken(kind: str, folder: Path) -> Path:
    """The example of that kind, in the user's folder."""
    (folder / kind).mkdir()
    return Path(shutil.copy(example(kind), folder / kind))


def check(kind: str, name: str) -> None:
    """Loads the plug-in, and with it everything that its kind asks for."""
    module = plugins.load(kind, name)
    line = (module.__doc__ or "").split("\n", 1)[0]
    assert line.endswith("."), "the first line of the docstring is a sentence"
    assert plugins.describe(kind)[name].startswith(line)
    if plugins.KINDS[kind].base:
        made = plugins.dataclass_of(kind, name)
        assert made.__module__ == module.__name__
        assert undocumented(Path(module.__file__), made) == []


def undocumented(file: Path, made: type) -> list[str]:
    """Fields of the class that have no docstring below them."""
    (body,) = (
        node.body
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == made.__name__
    )
    fields = {field.name for field in dataclasses.fields(made)}
    return [
        node.target.id
        for node, after in zip(body, [*body[1:], None], strict=True)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in fields
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_says_what_it_is_and_keeps_the_contract_of_its_kind(kind: str, name: str) -> None:
    check(kind, name)


def test_list_names_every_plug_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {(kind, name) for kind in plugins.KINDS for name in listed[kind]} >= set(EVERY)


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_a_file_of_ones_own_is_one_short_file_and_is_found_listed_and_loaded(
    kind: str, at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(example(kind).read_text("utf-8").splitlines()) <= 40
    name = taken(kind, at_home).stem
    assert name in plugins.names(kind)
    check(kind, name)
    assert cli.main(["list", kind]) == 0
    assert f"({kind}/{name}.py)" in capsys.readouterr().out
    assert plugins.origin(kind, name) is not None
    with plugins.reaching([]), pytest.raises(plugins.UnknownPluginError, match="was told of no folder"):
        plugins.load(kind, name)


@pytest.mark.parametrize("kind", [kind for kind, about in plugins.KINDS.items() if about.base])
def test_every_class_can_be_named_by_its_import_path(kind: str) -> None:
    made = plugins.dataclass_of(kind, plugins.names(kind)[0])
    if made.__module__.startswith("fedprune."):
        assert plugins.dataclass_of(kind, f"{made.__module__}:{made.__name__}") is made
