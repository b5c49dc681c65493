"""docs/data.md names every known set and shift with its keys, and its plug-ins are short."""

from __future__ import annotations

import dataclasses

from fedprune import plugins
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "data.md"
TEXT = PAGE.read_text("utf-8")


def test_every_known_set_and_shift_is_named_with_its_keys() -> None:
    for name in plugins.names("datasets"):
        assert f"`{name}`" in TEXT
    for name in plugins.names("shifts"):
        (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |")]
        for field in dataclasses.fields(plugins.dataclass_of("shifts", name)):
            assert f"`{field.name}`" in line


def test_an_example_of_a_plug_in_is_short() -> None:
    files = [block for block in blocks(PAGE) if "/" in block.file]
    assert {block.file.split("/")[0] for block in files} == {"partitioners", "shifts", "datasets"}
    assert all(block.content.count("\n") <= 40 for block in files)
