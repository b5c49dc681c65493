"""The Flower ClientApp: one message in, one message out, whatever carries them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from fedprune.compute.threads import one_thread
from fedprune.federation.client.machine import Machine
from fedprune.federation.client.round import client_round
from fedprune.federation.flower.bundle import stay_with_bundle
from fedprune.federation.flower.keys import (
    BESIDE_SERVER,
    DATA,
    KEY,
    MODULES,
    PLUGINS,
    RECORD,
    RENAMED,
    RUNS,
    content,
)
from fedprune.plugins import reaching
from fedprune.types import UserError

DEFAULT_RUNS = "~/.local/share/fedprune/runs"

app = ClientApp()
# While this is imported, as Flower does before it starts Ray.
stay_with_bundle()


@app.train()
def train(message: Message, context: Context) -> Message:
    """A round's order in, its reply out; the client's identity and settings stand in the order itself."""
    blob, machine = message.content.config_records[RECORD][KEY], machine_of(context)
    # Here and not in an engine, as Flower's own take the app as it is.
    with one_thread(), reaching(machine.plugins, machine.modules):
        return Message(content(client_round(bytes(blob), machine)), reply_to=message)  # type: ignore[arg-type]


def machine_of(context: Context) -> Machine:
    """Where runs and data are on this machine, and which code and files of the user's own its orders
    may name.

    Taken from the node's configuration, else from the run's (``runs``, ``data``, ``modules``, ``plugins``),
    else from FEDPRUNE_RUNS and FEDPRUNE_DATA, else DEFAULT_RUNS and no code of the user's. A server and its
    clients on one machine find the same folders. Raises UserError for a relative folder.
    """
    return machine_at(context.node_config, context.run_config)


def machine_at(node: Mapping[str, object], run: Mapping[str, object]) -> Machine:
    """``machine_of`` a node's configuration and a run's."""
    runs = node.get(RUNS) or run.get("runs") or os.environ.get("FEDPRUNE_RUNS") or DEFAULT_RUNS
    data = node.get(DATA) or run.get("data")
    modules = shlex.split(str(node.get(MODULES) or run.get("modules") or ""))
    folders = str(node.get(PLUGINS) or run.get("plugins") or "").split(os.pathsep)
    name, _, now = str(node.get(RENAMED) or "").partition("/")
    return Machine(
        _absolute(runs),
        str(_absolute(data)) if data else None,
        frozenset(modules),
        tuple(_absolute(folder) for folder in folders if folder),
        bool(node.get(BESIDE_SERVER)),
        renamed={name: now} if name else {},
    )


def _absolute(folder: object) -> Path:
    path = Path(str(folder)).expanduser()
    if not path.is_absolute():
        # Flower starts apps in working directories of its own, and not all in the same.
        raise UserError(f"folder '{folder}' is relative to nobody knows where: give an absolute path")
    return path
