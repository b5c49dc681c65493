"""The real ClientApp, except that chosen clients fail in chosen rounds, after doing all their work."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from fedprune.federation.flower import client_app
from fedprune.federation.flower.keys import KEY, RECORD
from fedprune.federation.protocol.messages import Order, read

app = ClientApp()
_faults: dict[tuple[int, int], float] = {}


@contextmanager
def failing(faults: Collection[tuple[int, int]], times: float = math.inf) -> Iterator[None]:
    """Inside, the first ``times`` orders to each of these (client, round) fail in this process."""
    _faults.update(dict.fromkeys(faults, times))
    try:
        yield
    finally:
        _faults.clear()


@app.train()
def train(message: Message, context: Context) -> Message:
    """The real reply, unless this client is to fail: its new state is then on disk and its reply is lost."""
    order, _ = read(Order, message.content.config_records[RECORD][KEY])
    reply = client_app.train(message, context)
    if _faults.get((order.client, order.round), 0) > 0:
        _faults[order.client, order.round] -= 1
        raise RuntimeError("a fault in the test")
    return reply
