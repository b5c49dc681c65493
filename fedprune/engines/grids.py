"""``Grids``: the engines that runs ask for, each opened once."""

from __future__ import annotations

import os
import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fedprune import plugins
from fedprune.scenario import Scenario
from fedprune.types import NodeConfig

CLIENT_APP = "fedprune.federation.flower.client_app:app"


class Grids:
    """Engines by their settings, opened when first needed and shared by the runs of a sweep."""

    def __init__(self, runs: Path, renamed: Path | None = None) -> None:
        """``runs`` is the folder of run folders; ``renamed`` the one that may not have its run's name."""
        self._runs, self._renamed = runs, renamed
        self._stack = ExitStack()
        self._open: dict[str, Any] = {}

    def __enter__(self) -> Grids:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def grid(self, scenario: Scenario) -> Any:
        """The engine of a scenario, with as many nodes as it has clients."""
        from fedprune.engines.grid import open_grid
        from fedprune.federation.flower.keys import (
            BESIDE_SERVER,
            CONTENT,
            DATA,
            MODULES,
            PLUGINS,
            RENAMED,
            RUNS,
        )
        from fedprune.federation.protocol.user_code import import_paths

        section, nodes = scenario.engine, scenario.partition.clients
        config: NodeConfig = {RUNS: str(self._runs.resolve()), BESIDE_SERVER: True}
        if self._renamed is not None and self._renamed.name != scenario.run_id():
            config[RENAMED] = f"{scenario.run_id()}/{self._renamed.name}"
        if scenario.data.content:
            config[CONTENT] = scenario.data.content
        if scenario.data.root:
            config[DATA] = str(Path(scenario.data.root).resolve())
        if modules := import_paths(scenario.client_settings()):
            config[MODULES] = shlex.join(modules)
        if folders := dict.fromkeys(str(origin.folder) for origin in scenario.origins if origin.folder):
            config[PLUGINS] = os.pathsep.join(folders)
        key = section.model_dump_json() + str(config)
        if key not in self._open:
            engine = plugins.dataclass_of("engines", section.name)(**section.fields)
            opened = open_grid(engine, client_app=CLIENT_APP, nodes=nodes, config=config)
            self._open[key] = self._stack.enter_context(opened)
        self._open[key].resize(nodes)
        return self._open[key]
