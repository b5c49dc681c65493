"""A section that is a list of tables: each is checked like a section, and told by its number."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from fedprune.scenario import Scenario, ScenarioError, files, load_scenarios
from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Role, plugin
from fedprune.scenario.section_list import SectionList
from fedprune.scenario.sections import SECTIONS


class StageSection(PluginSection):
    KIND, NAMED_BY, SECTION = "quantizers", "name", "stage"

    name: Annotated[str, plugin("quantizers")] = "fp32"
    note: Annotated[str, Role(changes_results=False, for_clients=False)] = ""


class Stages(SectionList[StageSection]):
    """A chain of stages."""


class Staged(Scenario):
    """A scenario with a chain."""

    stage: Stages = Field(default_factory=Stages)


@pytest.fixture(autouse=True)
def _with_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECTIONS, "stage", Stages)
    monkeypatch.setattr(files, "Scenario", Staged)


TWO = [{"name": "uniform", "bits": 4, "note": "first"}, {"name": "fp16"}]


def test_tables_keep_their_order_and_get_their_plug_ins_fields() -> None:
    made = Staged.from_dict({"stage": TWO})
    assert [table.name for table in made.stage.root] == ["uniform", "fp16"]
    assert made.stage.root[0].fields["bits"] == 4
    assert Staged.from_dict(tomllib.loads(made.to_toml())) == made


def test_no_table_is_the_default_and_leaves_no_trace_in_the_file() -> None:
    assert Staged.from_dict({}).stage.root == ()
    assert "stage" not in Staged.from_dict({"stage": []}).to_dict()


def test_clients_are_told_each_table_without_what_is_not_for_them() -> None:
    told = Staged.from_dict({"stage": TWO}).client_settings()
    assert told == {"stage": [{"name": "uniform", "bits": 4}, {"name": "fp16"}]}
    assert Staged.from_client_settings(told).client_settings() == told


def test_the_hash_depends_on_the_order_and_not_on_a_note() -> None:
    def hashed(*tables: dict[str, Any]) -> str:
        return Staged.from_dict({"stage": list(tables)}).settings_hash()

    assert hashed(*TWO) == hashed({"name": "uniform", "bits": 4}, TWO[1])
    assert hashed(*TWO) != hashed(*reversed(TWO))


FIRST = '[[stage]]\nname = "fp16"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FIRST + '[[stage]]\nname = "uniform"\nbit = 4\n', ":5: [[stage]] 2 bit: unknown key of quantizer"),
        (FIRST + '[[stage]]\nname = "uniform"\nbits = 99\n', ":5: [[stage]] 2 bits: "),
        (FIRST + '[[stage]]\nname = "uniforn"\n', ":4: [[stage]] 2 name: unknown quantizer 'uniforn', did"),
        (FIRST + '[[stage]]\nname = "fp32"\nnote = 3\n', ":5: [[stage]] 2 note: must be a valid string"),
        ('stage = "fp16"\n', "[stage]: must be tables, each written under [[stage]], not 'fp16'"),
        ('[stage]\nname = "fp16"\n', ":1: [stage]: must be tables, each written under [[stage]], not {"),
        ("[sweep]\nstage = [3]\n", "each value is a list of tables"),
        ('[sweep]\n"stage.bits" = [3]\n', "[sweep] stage.bits: [[stage]] is a list of tables; set it whole"),
    ],
)
def test_a_bad_table_is_refused_in_one_line_that_says_which(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_and_an_override_set_the_list_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        FIRST + '[sweep]\nstage = [[], [{name = "fp16"}, {name = "uniform", bits = 4}]]\n', "utf-8"
    )
    none, two = load_scenarios(path)
    assert (none.label, two.label) == ("no stage", "fp16 + uniform bits 4")
    (one,) = load_scenarios(path, ['stage=[{name="uniform"}]'])
    assert one.to_dict()["stage"][0]["name"] == "uniform"
