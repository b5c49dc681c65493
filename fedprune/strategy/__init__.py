"""The contract of a strategy: what the server sends, what the client makes of it, what comes back, what is
averaged.

A strategy is a frozen dataclass in one file under ``strategies/``; its fields are the keys of ``[strategy]``
in a scenario, its hooks follow the arrows of a round in the order below. All defaults together are FedAvg.
Both halves see plain numpy arrays in full coordinates, by parameter name; what is physically shrunk or
encoded is not their concern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fedprune import plugins
from fedprune.aggregation import Update
from fedprune.hooks import check_returns
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.strategy.client import Client as Client
from fedprune.strategy.server import Payload as Payload
from fedprune.strategy.server import Server as Server
from fedprune.types import Arrays, Shapes, Way

Removed = Literal["conv", "any"]
"""Channels of convolutions, or of linear layers as well."""


Choice = Literal["update", "attack", "aggregate", "server_optimizer", "buffered"]
"""What becomes of updates beside the strategy: by sections of a scenario, attacks among ``update`` apart, and
by the mode "buffered"."""


@dataclass(frozen=True)
class Strategy:
    """FedAvg's hooks (McMahan et al., AISTATS 2017); a strategy overrides those in which it differs."""

    statistics: Literal["averaged", "personal"] = "averaged"
    """Batch-norm running statistics: averaged and sent down like weights, or kept by each client."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_returns(cls, Strategy, Payload)

    keeps_model = False
    """Whether a client's own model is what it kept from its last round, else what it receives, trained."""

    @property
    def removes(self) -> Removed | None:
        """Whose channels this method removes; a model that has none is refused before anything runs."""
        return None

    def refuses(self, section: Choice) -> str | None:
        """Why this method's own rule leaves no place for what a scenario asks for, in a phrase.

        Asked when a scenario is read, of what differs from its default; None accepts. A method refuses what
        would have no effect or break its rule. An attack changes nothing but arrays that came down. Where
        ``[run] mode`` is ``buffered``, replies to orders of different rounds are aggregated together, each
        moved by what the server's weights have changed since.
        """
        return None

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        """Both sides: the arrays that travel. ``statistics`` names the batch-norm running statistics."""
        if self.statistics == "averaged":
            return shapes
        return {name: shape for name, shape in shapes.items() if name not in statistics}

    def part(self, travelling: Shapes, way: Way, round: int) -> Shapes:
        """Both sides: those of ``travels`` that go this way in this round."""
        return travelling

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        """Both sides: the parameters that this method's masks cover, in order; none for a dense method."""
        return ()

    def begin(self, server: Server) -> Arrays:
        """Server: its weights before the first round; it finds the initial ones."""
        return server.weights

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        """Server: what goes down to a client that holds ``mask`` (the mask both sides know)."""
        return Payload({name: server.weights[name] for name in travelling})

    def receive(self, client: Client, arrays: Arrays) -> None:
        """Client: merge what came down into ``client.weights``: what it kept, else the initial weights.

        ``client.mask`` is what it kept; ``client.shared`` is what came down, else what both sides knew.
        """
        client.weights.update(arrays)
        client.mask = client.shared

    def before_training(self, client: Client) -> None:
        """Client: after receiving, before the first step."""

    def train(self, client: Client) -> None:
        """Client: local training; the place of a loss, a penalty or a second model of the method's own."""

        def after_epoch(epoch: int, weights: Arrays) -> None:
            client.weights = weights
            self.after_epoch(client, epoch)

        client.weights = client.fit(client.weights, client.mask, after_epoch=after_epoch)

    def after_epoch(self, client: Client, epoch: int) -> None:
        """Client: after local epoch ``epoch``, from 1."""

    def after_training(self, client: Client) -> None:
        """Client: after the last epoch; the place of the prune decision."""

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        """Client: what goes up; with a mask, one that covers exactly ``masked``."""
        return Payload({name: client.weights[name] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        """Server: the next global weights from this round's updates, sorted by client; at least one."""
        return server.combine(updates, weighted=True)

    def global_model(self, server: Server) -> Arrays:
        """Server: the model it would hand to a newcomer, for a report of its score."""
        return server.weights


def under_mask(strategy: Strategy, client: Client, travelling: Shapes) -> Payload:
    """Client: what travels, with its mask over all that the method's masks cover."""
    names = strategy.masked(client.prunable, client.groups)
    shapes = {name: client.weights[name].shape for name in names}
    mask = client.mask.with_dense(shapes)
    return Payload({name: client.weights[name] for name in travelling}, mask)


def require_shares(strategy: Strategy, *fields: str) -> None:
    """Raises ValueError, naming the field, unless each of them lies in [0, 1)."""
    for name in fields:
        if not 0 <= getattr(strategy, name) < 1:
            raise ValueError(f"{name}: must lie in [0, 1), got {getattr(strategy, name)}")


def make_strategy(settings: dict[str, Any]) -> Strategy:
    """A strategy from the validated ``[strategy]`` section: ``name`` and the dataclass's fields."""
    fields = {key: value for key, value in settings.items() if key != "name"}
    made: Strategy = plugins.dataclass_of("strategies", settings["name"])(**fields)
    return made
