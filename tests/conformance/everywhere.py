"""The scenario whose bits are compared wherever clients can run: docs/deployment.md's.

Sub-FedAvg's hybrid with lossy codecs both ways and what both sides remember of them, over six rounds, of two
clients each, since Flower's deployment has a SuperNode for every client.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from fedprune.scenario import Scenario
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "deployment.md"
(WRITTEN,) = [block for block in blocks(PAGE) if block.file == "federation.toml"]
"""The block of the page that holds the scenario's file."""


def everywhere(**sections: Mapping[str, Any]) -> Scenario:
    """The scenario with keys of its sections changed."""
    settings = tomllib.loads(WRITTEN.content)
    settings["run"]["name"] = WRITTEN.file.removesuffix(".toml")
    for name, keys in sections.items():
        settings[name] = {**settings.get(name, {}), **keys}
    return Scenario.from_dict(settings)
