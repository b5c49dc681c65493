"""A small real ClientApp for the engines' tests: each action misbehaves in its own way."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedprune.types import UserError

app = ClientApp()
not_an_app = "a string"


@app.query()
def echo(message: Message, context: Context) -> Message:
    """Send back what came."""
    return Message(message.content, reply_to=message)


@app.query("describe")
def describe(message: Message, context: Context) -> Message:
    """What the client sees of itself and its process."""
    seen: dict[str, str | int | float | bool | bytes] = {
        "pid": os.getpid(),
        "node": context.node_id,
        "run": context.run_id,
        "state": len(context.state),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
        **context.node_config,
    }
    print("a client that prints")
    context.state["left"] = ConfigRecord({"behind": True})
    return Message(RecordDict({"seen": ConfigRecord(seen)}), reply_to=message)


@app.query("spoil")
def spoil(message: Message, context: Context) -> Message:
    """Report what came, then change it in place."""
    record = message.content["config"]
    seen = record["value"]
    record["value"] = -1
    return Message(RecordDict({"config": ConfigRecord({"value": seen})}), reply_to=message)


@app.query("raises")
def raises(message: Message, context: Context) -> Message:
    """Raise, with a long message, for odd clients; echo for even ones."""
    if context.node_config["partition-id"] % 2:
        raise RuntimeError("x" * 10_000 + " the end")
    return Message(message.content, reply_to=message)


@app.query("refuses")
def refuses(message: Message, context: Context) -> Message:
    """Raise what the user can mend."""
    raise UserError("there is no disk;\n  put one in")


@app.query("garbles")
def garbles(message: Message, context: Context) -> Message:
    """Raise with the name of a file that is no UTF-8."""
    raise OSError("no file " + os.fsdecode(b"a\xff.txt"))


@app.query("exits")
def exits(message: Message, context: Context) -> Message:
    """sys.exit, which is no Exception."""
    sys.exit(3)


@app.query("wrong")
def wrong(message: Message, context: Context) -> Message:
    """Return something that is no reply."""
    return "not a message"  # type: ignore[return-value]


@app.query("dies")
def dies(message: Message, context: Context) -> Message:
    """End the worker process in the way asked for; echo when asked for none."""
    match message.content["config"]["how"]:
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
    return Message(message.content, reply_to=message)


@app.query("stumbles")
def stumbles(message: Message, context: Context) -> Message:
    """End the worker process unless the named file is there, which is then made; echo the second time."""
    file = Path(str(message.content["config"]["file"]))
    if not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Message(message.content, reply_to=message)


@app.query("sleeps")
def sleeps(message: Message, context: Context) -> Message:
    """Leave the process id in the named file if any, then sleep for the seconds asked for."""
    config = message.content["config"]
    if "file" in config:
        Path(str(config["file"])).write_text(str(os.getpid()))
    time.sleep(float(config["seconds"]))
    return Message(message.content, reply_to=message)


@app.query("works")
def works(message: Message, context: Context) -> Message:
    """Compute for the seconds asked for."""
    end = time.monotonic() + float(message.content["config"]["seconds"])
    while time.monotonic() < end:
        pass
    return Message(message.content, reply_to=message)


@app.query("kills")
def kills(message: Message, context: Context) -> Message:
    """SIGKILL the process whose id appears in the named file."""
    file = Path(str(message.content["config"]["file"]))
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    os.kill(int(file.read_text()), signal.SIGKILL)
    return Message(message.content, reply_to=message)


@app.query("threads")
def threads(message: Message, context: Context) -> Message:
    """How many threads torch computes with here."""
    import torch

    return Message(
        RecordDict({"torch": ConfigRecord({"threads": torch.get_num_threads()})}), reply_to=message
    )


@app.train()
def train(message: Message, context: Context) -> Message:
    """Send the arrays back, as Flower's FedAvg wants them."""
    metrics = MetricRecord({"num-examples": 1 + int(context.node_config["partition-id"])})
    return Message(RecordDict({"arrays": message.content["arrays"], "metrics": metrics}), reply_to=message)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """One made-up metric."""
    metrics = MetricRecord({"num-examples": 1, "accuracy": 0.5})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)
