"""The Flower ServerApp: the round loop on whatever Grid it is given, in the run folder it is told of."""

from __future__ import annotations

from collections.abc import Callable

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from fedprune.federation.rounds import OnRound, Rounds
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario

OpenRun = Callable[[Context], tuple[RunFolder, Scenario]]


def server_app(open_run: OpenRun, on_round: OnRound) -> ServerApp:
    """A ServerApp that carries the run of ``open_run`` from its last checkpoint to its results."""
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        folder, scenario = open_run(context)
        Rounds(grid, folder, scenario, on_round).run()

    return app
