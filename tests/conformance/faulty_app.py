"""The real ClientApp, except that chosen clients fail in chosen rounds, after doing all their work."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from fedprune.federation.flower import client_app
from fedprune.federation.protocol.messages import Order, read

app = ClientApp()
_faults: set[tuple[int, int]] = set()


@contextmanager
def failing(faults: Collection[tuple[int, int]]) -> Iterator[None]:
    """Inside, orders to these (client, round) fail in this process."""
    _faults.update(faults)
    try:
        yield
    finally:
        _faults.clear()


@app.train()
def train(message: Message, context: Context) -> Message:
    """The real reply, unless this client is to fail: its new state is then on disk and its reply is lost."""
    order, _ = read(Order, message.content.config_records[client_app.RECORD][client_app.KEY])
    reply = client_app.train(message, context)
    if (order.client, order.round) in _faults:
        raise RuntimeError("a fault in the test")
    return reply
