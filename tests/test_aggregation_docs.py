"""docs/aggregation.md: every name and key is there, its scenario is one, its examples are the battery's."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.scenario import Scenario
from fedprune.scenario.errors import ScenarioError

KINDS = ("aggregators", "server_optimizers", "updates")
TEXT = (Path(__file__).parent.parent / "docs" / "aggregation.md").read_text("utf-8")
EXAMPLES = Path(__file__).parent / "conformance" / "examples"


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in plugins.names(kind)])
def test_every_name_has_a_line_with_its_keys_and_their_defaults(kind: str, name: str) -> None:
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |")]
    for field in dataclasses.fields(plugins.dataclass_of(kind, name)):
        assert f"`{field.name}` = {field.default}" in line


def test_the_scenario_of_the_page_is_one() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    scenario = Scenario.from_dict(tomllib.loads(block))
    assert [table.made().guarantee() is not None for table in scenario.update.root] == [False, True]


def test_the_methods_that_refuse_are_those_of_the_page() -> None:
    lines = TEXT.partition("## Methods that refuse")[2].partition("## ")[0].splitlines()
    told = {line.split("`")[1]: line.split("|")[2] for line in lines if line.startswith("| `")}
    asked = {
        "aggregate": {"aggregate": {"name": "median"}},
        "server_optimizer": {"server_optimizer": {"name": "momentum"}},
        "update": {"update": [{"name": "clip"}]},
    }
    for name in plugins.names("strategies"):
        for section, settings in asked.items():
            try:
                Scenario.from_dict({"strategy": {"name": name}, **settings})
                refused = False
            except ScenarioError:
                refused = True
            assert refused == (f"`{section}`" in told.get(name, "") or "all three" in told.get(name, "")), (
                name
            )


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_each_kind_is_the_file_that_the_battery_loads(kind: str) -> None:
    (file,) = (EXAMPLES / kind).glob("*.py")
    assert f"```python\n# {kind}/{file.name}\n{file.read_text('utf-8')}```\n" in TEXT
