"""docs/training.md shows the example's own text, and names every optimizer and schedule with its keys."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from fedprune import plugins

ROOT = Path(__file__).parent
TEXT = (ROOT.parent / "docs" / "training.md").read_text("utf-8")


def test_the_optimizer_shown_is_the_example_that_the_tests_load() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert shown == (ROOT / "conformance" / "examples" / "optimizers" / "signs.py").read_text("utf-8")


@pytest.mark.parametrize("name", plugins.names("schedules"))
def test_every_schedule_is_named_with_its_keys_and_their_defaults(name: str) -> None:
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f'| `"{name}"` |')]
    for field in dataclasses.fields(plugins.dataclass_of("schedules", name)):
        assert f"`{field.name} = {json.dumps(field.default)}`" in line
