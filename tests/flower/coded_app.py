"""A ClientApp that sends back what it was sent, coded."""

from __future__ import annotations

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from fedprune import Codec
from fedprune.flower import BytesMod

app = ClientApp(mods=[BytesMod(Codec(values="uniform", bits=8))])


@app.train()
def train(message: Message, context: Context) -> Message:
    """Everything, as it came."""
    return Message(message.content, reply_to=message)
