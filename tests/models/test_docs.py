"""docs/models.md names every model with its options, and what it says of a user's module happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from fedprune import plugins
from fedprune.models import GIVEN, ModelError, architecture

from .described import takes, takes_tokens

TEXT = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ")]
WRONG: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("theirs:Good", {"channel": 8}, {}),
    ("theirs:Good", {"channels": "8"}, {}),
    ("theirs:Broken", {}, {}),
    ("theirs:function", {}, {}),
    ("theirs:Unknown", {}, {}),
    ("theirs:Misnamed", {}, {}),
    ("theirs:Loose", {}, {}),
    ("theirs:Indexed", {}, {}),
    ("theirs:Dropping", {}, {}),
    ("theirs:Narrow", {}, {}),
    ("mlp", {}, {"vocabulary": 5}),
    ("theirs:Tokens", {}, {}),
    ("theirs:Untraceable", {}, {}),
    ("theirs:Viewed", {}, {}),
]


@pytest.mark.parametrize("name", plugins.names("models"))
def test_every_model_has_a_row_with_its_options(name: str) -> None:
    (row,) = [row for row in ROWS if row.startswith(f"| `{name}` |")]
    options = [option for option in list(takes(name))[2:] if option not in GIVEN]
    assert all(f"`{option}`" in row for option in options)
    assert ("token ids" in row) == takes_tokens(name)


def test_every_line_of_an_error_is_what_the_error_says() -> None:
    said = [row.split("|")[2].strip() for row in ROWS[-len(WRONG) :]]
    for line, (name, options, data) in zip(said, WRONG, strict=True):
        with pytest.raises(ModelError) as caught:
            architecture(name, (1, 8, 8), 4, options, **data).channels("conv")
        assert line.strip("`") in str(caught.value)


def test_the_example_of_a_users_module_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mixed.py").write_text(TEXT.split("```python\n")[1].split("```")[0], "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    made = architecture("mixed:Bag", (6,), 3, {"size": 32}, vocabulary=9)
    assert made.load(made.initial_weights(0)).eval()(made.example(2)).shape == (2, 3)
    assert made.prunable == ("head.weight",)
    assert made.input_dtype == str(made.example().dtype).removeprefix("torch.")
    assert torch.equal(made.example(), torch.zeros(1, 6, dtype=torch.int64))
