"""The reference covers every key and plug-in, its examples are scenarios, its pages are up to date."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.cli import main
from fedprune.reference import entry, names, pages
from fedprune.reference.pages import FLOWER
from fedprune.scenario import Scenario
from fedprune.scenario.section_list import SectionList
from fedprune.scenario.sections import SECTIONS
from fedprune.types import UserError

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
ENTRIES = [(kind, name) for kind in plugins.KINDS for name in names(kind)]


def rows(text: str) -> list[list[str]]:
    """The cells of the keys in an entry."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [
        [cell.replace("\\|", "|") for cell in re.split(r" (?<!\\)\| ", line.strip("| "))] for line in lines
    ]


def test_the_pages_are_what_the_code_says() -> None:
    made = pages()
    assert {path.name for path in FOLDER.glob("*.md")} == set(made)
    stale = [name for name, text in made.items() if (FOLDER / name).read_text("utf-8") != text]
    # The library's texts are those of its version, which the page names.
    assert [name for name in stale if name != FLOWER] == [], (
        "run: python -m fedprune.reference docs/reference"
    )


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_of_a_section_has_a_type_a_default_and_a_meaning(name: str) -> None:
    section = SECTIONS[name]
    model = section.item() if issubclass(section, SectionList) else section
    found = {row[0].strip("`"): row for row in rows(entry("sections", name))}
    assert list(found) == list(model.model_fields)
    for row in found.values():
        assert row[1] not in ("", "any value"), row
        assert row[2], row
        assert len(row[4].split()) >= 2, row
    assert entry("sections", name) in (FOLDER / "scenario.md").read_text("utf-8") + "\n"


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_plug_in_has_an_entry_with_its_keys_and_an_example(kind: str, name: str) -> None:
    text = entry(kind, name)
    assert text.startswith(f"## {name}\n\n")
    for row in rows(text):
        assert row[1], row
        assert len(row[4].split()) >= 2, row
    (language, example) = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)[-1]
    if language == "bash":
        assert name in example
        return
    raw = tomllib.loads(example)
    if kind == "shifts":
        raw["partition"]["name"] = "iid"
    Scenario.from_dict(raw)


@pytest.mark.parametrize("name", names("strategies"))
def test_every_strategy_names_its_paper_or_is_a_baseline(name: str) -> None:
    text = entry("strategies", name)
    assert (
        re.search(r"https://(arxiv\.org|doi\.org|openreview\.net|proceedings|papers)", text)
        or "baseline" in text
    )


def test_a_unit_is_what_the_meaning_begins_with() -> None:
    units = {row[0]: row[3] for row in rows(entry("sections", "train"))}
    assert units["`epochs`"] == "epochs"
    assert units["`batch_size`"] == "samples"
    assert units["`lr`"] == ""
    assert {row[0]: row[3] for row in rows(entry("sections", "engine"))}["`timeout`"] == "s"


def test_bounds_and_choices_are_told() -> None:
    types = {row[0]: row[1] for row in rows(entry("sections", "uplink"))}
    assert types["`step`"] == "number, above 0, at most 1"
    assert types["`feedback`"] == '`"none"` or `"residual"`'
    assert types["`values`"] == "name of a quantizer"


def test_the_terminal_shows_the_same_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "strategies", "ssfl"]) == 0
    shown = capsys.readouterr().out
    assert shown == entry("strategies", "ssfl")
    assert shown in (FOLDER / "strategies.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("strategies", "fedavgg", "unknown strategy 'fedavgg', did you mean 'fedavg'?"),
        ("sections", "trian", "unknown section 'trian', did you mean 'train'?"),
        ("scenarios", "quickstrt", "unknown scenario 'quickstrt', did you mean 'quickstart'?"),
        ("partitioners", "dirichle", "unknown partition 'dirichle', did you mean 'dirichlet'?"),
    ],
)
def test_an_unknown_name_is_told_what_was_meant(kind: str, name: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        entry(kind, name)
    assert said in str(caught.value)


def test_a_users_plug_in_has_an_entry_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "mine.py").write_text(
        '"""Mine: a test."""\n'
        "from dataclasses import dataclass\n"
        "from fedprune import Strategy\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Strategy):\n"
        "    often: int = 3  # Rounds between two surprises.\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    assert "| `often` | whole number | `3` | rounds | Rounds between two surprises. |" in entry(
        "strategies", "mine"
    )
