"""The Flower ClientApp: one message in, one message out, whatever carries them."""

from __future__ import annotations

import os
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from fedprune.federation.local_round import Place, local_round

RECORD, KEY = "fedprune", "blob"
RUNS, DATA = "fedprune-runs", "fedprune-data"
"""Keys of a node's configuration: folder of run folders, folder of data sets."""

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """A round's order in, its reply out; the client's identity and settings stand in the order itself."""
    blob = message.content.config_records[RECORD][KEY]
    return Message(content(local_round(bytes(blob), place(context))), reply_to=message)  # type: ignore[arg-type]


def place(context: Context) -> Place:
    """What this node was told of its machine; without it, runs are in FEDPRUNE_RUNS or else ``runs`` here."""
    config = context.node_config
    runs = str(config.get(RUNS) or os.environ.get("FEDPRUNE_RUNS") or "runs")
    return Place(Path(runs), str(config[DATA]) if DATA in config else None)


def content(blob: bytes) -> RecordDict:
    """One blob as a message's content."""
    return RecordDict({RECORD: ConfigRecord({KEY: blob})})
