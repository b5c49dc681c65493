"""Clients in the driver's own process: for debugging, and where starting processes is not wanted."""

from __future__ import annotations

from collections.abc import Iterable

from flwr.app import Message
from flwr.clientapp import ClientApp

from fedprune.engines.answer import answer, load_client_app
from fedprune.engines.exchange import Exchange
from fedprune.federation.flower.private import from_bytes, to_bytes
from fedprune.types import NodeConfig


class InProcess:
    """Answers messages one at a time, over the same bytes as a worker process would."""

    def __init__(self, client_app: str, config: NodeConfig) -> None:
        self._client_app = client_app
        self._config = config
        self._loaded: ClientApp | None = None

    @property
    def pids(self) -> list[int]:
        """No process but this one."""
        return []

    def start(self) -> None:
        """Load the ClientApp; raises EngineError when it does not load."""
        self._app()

    def exchange(self, messages: Iterable[Message], nodes: int, timeout: float | None) -> list[Message]:
        """As `Pool.exchange`, except that a message at work is never cut short."""
        app = self._app()
        exchange = Exchange(messages, timeout)
        exchange.start_clock()
        while (index := exchange.take()) is not None:
            if exchange.expired:
                exchange.give_up()
                break
            reply = answer(app, to_bytes(exchange.message(index)), nodes, self._config)
            exchange.answer(index, from_bytes(reply))
        return exchange.replies()

    def close(self) -> None:
        """Nothing to end."""

    def _app(self) -> ClientApp:
        if self._loaded is None:
            self._loaded = load_client_app(self._client_app)
        return self._loaded
