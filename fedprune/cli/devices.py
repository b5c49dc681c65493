"""The verbs for devices: a finished run's personal models as files, and how long they take to answer."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from fedprune.types import UserError


def export(arguments: argparse.Namespace) -> None:
    """Write clients' personal models as files for devices, each tried and with a card; then list them."""
    from fedprune.export import Form, clients_of, export, render
    from fedprune.export.graphs import Graphs
    from fedprune.federation.finished import FinishedFederation

    if bool(arguments.client) == arguments.all:
        raise UserError("say whose model: --client 3 (repeatable), or --all")
    form = Form(arguments.to, arguments.precision, arguments.svd)
    run = FinishedFederation.open(Path(arguments.run))
    out = Path(arguments.out) if arguments.out else Path(arguments.run) / "export"
    clients = clients_of(run) if arguments.all else dict.fromkeys(arguments.client)
    graphs = Graphs()
    written = [export(run, client, form, out, graphs) for client in clients]
    if arguments.form == "json":
        print(json.dumps([each.record() for each in written], indent=2))
    else:
        print(render(written, arguments.form))


def latency(arguments: argparse.Namespace) -> None:
    """Time a client's personal model on one thread, one query after another: dense, masked, shrunk, int8."""
    from fedprune.federation.finished import FinishedFederation
    from fedprune.latency import latency, render

    run = FinishedFederation.open(Path(arguments.run))
    rows = latency(run, arguments.client, queries=arguments.queries)
    if arguments.form == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        print(render(rows, arguments.form))
