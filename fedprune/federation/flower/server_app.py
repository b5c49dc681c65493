"""The Flower ServerApp: a run's rounds on whatever Grid it is given.

``server_app`` makes one for a run that its caller opens; ``app`` is the one that ``flwr run`` starts, told by
``[tool.flwr.app.config]`` and ``--run-config`` which run to carry.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from flwr.app import Context, RecordDict
from flwr.serverapp import Grid, ServerApp

from fedprune.federation.flower.client_app import machine_of
from fedprune.federation.server.lifecycle import carry, run_folder
from fedprune.plugins import reaching
from fedprune.progress import LineProgress, Progress
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario, load_scenarios
from fedprune.types import UserError

OpenRun = Callable[[Context], AbstractContextManager[tuple[RunFolder, Scenario]]]


def server_app(open_run: OpenRun, progress: Progress) -> ServerApp:
    """A ServerApp that carries the run of ``open_run`` from its last checkpoint to its results."""
    made = ServerApp()

    @made.main()
    def main(grid: Grid, context: Context) -> None:
        with open_run(context) as (folder, scenario):
            carry(grid, folder, scenario, progress)

    return made


def serve(grid: Grid, folder: RunFolder, scenario: Scenario, progress: Progress) -> None:
    """Run the ServerApp on an engine of ours, in a folder that the caller has locked."""
    context = Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config={})
    server_app(lambda _: nullcontext((folder, scenario)), progress)(grid, context)


@contextmanager
def configured_run(context: Context) -> Iterator[tuple[RunFolder, Scenario]]:
    """The run that the run's configuration names, its folder new or taken up again.

    Raises UserError when it names none, and for whatever is wrong with the scenario, its data or its folder.
    """
    config, machine = context.run_config, machine_of(context)
    overrides = str(config["overrides"]).split()
    if machine.data:
        overrides.append(f"data.root={machine.data}")
    # Where Flower happens to start its server says nothing about the user's plug-ins.
    with reaching(machine.plugins):
        scenario = member(load_scenarios(str(config["scenario"]), overrides), config["member"])
    with scenario.reach(), run_folder(scenario, machine.runs / scenario.run_id()) as folder:
        print(f"run folder: {folder.path}", flush=True)
        yield folder, scenario


def member(scenarios: list[Scenario], which: object) -> Scenario:
    """The run of a sweep by its label or its index from 0; raises UserError when there is none such."""
    for index, scenario in enumerate(scenarios):
        if str(which) in (scenario.label, str(index)):
            return scenario
    known = ", ".join(f"{index} ({scenario.label})" for index, scenario in enumerate(scenarios))
    raise UserError(f"the scenario has no member '{which}'; known: {known}")


app = server_app(configured_run, LineProgress(sys.stdout))
