"""axe-core finds nothing serious in a report, in a real browser, wide or narrow, light or dark."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from fedprune.reports import write

from .chromium import show
from .synthetic import write_run

CHECK = "const done = arguments[arguments.length - 1]; axe.run(document).then((found) => done(found))"


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's script. The test is skipped where it is not installed."""
    try:
        return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    except ModuleNotFoundError:
        pytest.skip("no axe-core: pip install -e '.[dev]'")


@pytest.fixture(scope="module")
def target(studied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of several runs: seeds, one that learns alone, one that stopped, one with tickets."""
    out = tmp_path_factory.mktemp("runs")
    runs = [write_run(out, "alpha", seed=seed) for seed in (0, 1, 2)]
    runs += [write_run(out, "alone", alone=True), write_run(out, "dense", kept=1.0)]
    runs += [write_run(out, "stopped", finished=False), studied]
    return write(runs)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_serious_is_found(browser: Any, axe: str, target: Path, width: int, scheme: str) -> None:
    show(browser, target, width, scheme)
    browser.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    browser.execute_script(axe)
    found = browser.execute_async_script(CHECK)
    assert len(found["passes"]) > 20
    serious = [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_fault_would_be_found(browser: Any, axe: str, target: Path) -> None:
    show(browser, target, 1280)
    browser.execute_script("document.querySelector('h1').style.color = '#eee'")
    browser.execute_script(axe)
    found = browser.execute_async_script(CHECK)["violations"]
    assert ("color-contrast", "serious") in [(one["id"], one["impact"]) for one in found]
