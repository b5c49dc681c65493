"""The contract of a strategy: what the server sends, what the client makes of it, what comes back, what is
averaged.

A strategy is a frozen dataclass in one file under ``strategies/``; its fields are the keys of ``[strategy]``
in a scenario, its hooks follow the arrows of a round in the order below. All defaults together are FedAvg.
Both halves see plain numpy arrays in full coordinates, by parameter name; what is physically shrunk or
encoded is not their concern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from fedprune import plugins
from fedprune.aggregation import Update, holders_mean
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes, UserError


@dataclass(frozen=True)
class Payload:
    """What one message carries: values in full coordinates, and the mask when the other side does not know it
    yet.

    ``arrays`` holds every parameter that travels and no other. Of a parameter under a mask only kept
    coordinates are encoded: those of ``mask``, or, when that is None, those of the mask both sides already
    know. The receiver finds zeros elsewhere.
    """

    arrays: Arrays
    mask: Mask | None = None


@dataclass
class Server:
    """What the server holds between rounds; checkpoints carry all of it."""

    weights: Arrays
    memory: Arrays = field(default_factory=dict)
    """The strategy's own arrays (for example a shared mask or a first phase's saliencies)."""
    round: int = 0
    """The round under way, from 1; 0 before the first."""


class Gate(Protocol):
    """Accuracy in [0, 1] of weights under a mask on the client's validation (else training) data."""

    def __call__(self, weights: Arrays, mask: Mask) -> float: ...


@dataclass
class Client:
    """One client's view of the round under way; hooks change it in place.

    State commits with the reply: nothing here outlives a round that fails.
    """

    id: int
    round: int
    epochs: int
    """Local epochs of this round, at least 1."""
    weights: Arrays
    """The current model; ``after_epoch`` finds what training made of it, and only reads."""
    mask: Mask
    """What lives: coordinates pruned here are zero and stay zero in training; empty means dense."""
    state: Arrays
    """What the client keeps for its next round beside its mask, by the strategy's own names."""
    prunable: tuple[str, ...]
    """Names of the weights (not biases, not norms) that a mask may cover."""
    groups: tuple[ChannelGroup, ...]
    """Channels that can be removed, with every parameter slice that goes with them."""
    gate: Gate
    scratch: dict[str, Any] = field(default_factory=dict)
    """Between hooks of one round; forgotten after it."""


@dataclass(frozen=True)
class Strategy:
    """FedAvg's hooks (McMahan et al., AISTATS 2017); a strategy overrides those in which it differs."""

    statistics: Literal["averaged", "personal"] = "averaged"
    """Batch-norm running statistics: averaged and sent down like weights, or kept by each client."""

    keeps_model = False
    """Whether a client's own model is what it kept from its last round, else what it receives, trained."""

    def travels(self, shapes: Shapes, statistics: frozenset[str]) -> Shapes:
        """Both sides: the parameters that travel. ``statistics`` names the batch-norm running statistics."""
        if self.statistics == "averaged":
            return shapes
        return {name: shape for name, shape in shapes.items() if name not in statistics}

    def masked(self, prunable: tuple[str, ...], groups: tuple[ChannelGroup, ...]) -> tuple[str, ...]:
        """Both sides: the parameters that this method's masks cover, in order; none for a dense method."""
        return ()

    def send(self, server: Server, travelling: Shapes, mask: Mask) -> Payload:
        """Server: what goes down to a client that holds ``mask`` (the mask both sides know)."""
        return Payload({name: server.weights[name] for name in travelling})

    def receive(self, client: Client, arrays: Arrays) -> None:
        """Client: merge what came down into ``client.weights``: what it kept, else the initial weights."""
        client.weights.update(arrays)

    def before_training(self, client: Client) -> None:
        """Client: after receiving, before the first step."""

    def after_epoch(self, client: Client, epoch: int) -> None:
        """Client: after local epoch ``epoch``, from 1."""

    def after_training(self, client: Client) -> None:
        """Client: after the last epoch; the place of the prune decision."""

    def upload(self, client: Client, travelling: Shapes) -> Payload:
        """Client: what goes up; with a mask, one that covers exactly ``masked``."""
        return Payload({name: client.weights[name] for name in travelling})

    def aggregate(self, server: Server, updates: Sequence[Update]) -> Arrays:
        """Server: the next global weights from this round's updates, sorted by client; at least one."""
        return holders_mean(server.weights, updates, weighted=True)


def strategy_class(name: str) -> type[Strategy]:
    """The one Strategy defined in the plug-in ``name``."""
    module = plugins.load("strategies", name)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise UserError(f"strategy '{name}': its file must define exactly one Strategy, found {len(found)}")
    return found[0]


def make_strategy(settings: dict[str, Any]) -> Strategy:
    """A strategy from the validated ``[strategy]`` section: ``name`` and the dataclass's fields."""
    fields = {key: value for key, value in settings.items() if key != "name"}
    return strategy_class(settings["name"])(**fields)
