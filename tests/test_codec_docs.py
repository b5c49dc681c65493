"""docs/codecs.md names everything that a pipeline can be made of."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.scenario import Scenario
from fedprune.scenario.sections import CodecSection

TEXT = (Path(__file__).parent.parent / "docs" / "codecs.md").read_text("utf-8")
STAGES = [
    (kind, name) for kind in ("mask_codings", "quantizers", "entropy_coders") for name in plugins.names(kind)
]


@pytest.mark.parametrize(("kind", "name"), STAGES)
def test_every_stage_and_every_field_of_one_is_named(kind: str, name: str) -> None:
    assert f"`{name}`" in TEXT
    if kind == "quantizers":
        (line,) = [line for line in TEXT.splitlines() if line.startswith("|") and f"`{name}`" in line]
        for field in dataclasses.fields(plugins.dataclass_of(kind, name)):
            assert f"`{field.name}` = " in line
            assert str(field.default) in line


@pytest.mark.parametrize("key", list(CodecSection.model_fields))
def test_every_key_has_a_line_with_its_default(key: str) -> None:
    line = next(line for line in TEXT.splitlines() if line.startswith(f"| `{key}` |"))
    assert str(CodecSection.model_fields[key].default) in line


def test_the_example_is_a_scenario() -> None:
    example = TEXT.split("```toml\n")[1].split("```")[0]
    scenario = Scenario.from_dict(tomllib.loads(example))
    assert scenario.uplink.fields["bits"] == 4
