"""The page on tasks shows a task that is tested."""

from __future__ import annotations

from pathlib import Path

from fedprune import plugins

ROOT = Path(__file__).parents[2]


def test_the_page_copies_the_example_and_names_every_task() -> None:
    page = (ROOT / "docs" / "tasks.md").read_text("utf-8")
    example = (ROOT / "tests" / "conformance" / "examples" / "tasks" / "counts.py").read_text("utf-8")
    assert f"```python\n{example}```" in page
    assert all(f"| `{name}` |" in page for name in plugins.names("tasks"))
