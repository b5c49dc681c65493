"""The contract of a strategy: what the server sends, what the client makes of it, what comes back, what is
averaged.

A strategy is a frozen dataclass in one file under ``strategies/``; its fields are the keys of ``[strategy]``
in a scenario, its hooks follow the arrows of a round in the order below. All defaults together are FedAvg.
Both halves see plain numpy arrays in full coordinates, by parameter name; what is physically shrunk or
encoded is not their concern.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from fedprune import plugins
from fedprune.aggregation import Combiner, Over, Update
from fedprune.compute.proximal import Proximal
from fedprune.hooks import check_returns
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes, Way

if TYPE_CHECKING:
    from fedprune.compute.loop import Loop
    from fedprune.compute.request import Loss


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
    """What the server holds between rounds; checkpoints carry weights and memory."""

    weights: Arrays
    memory: Arrays = field(default_factory=dict)
    """The strategy's own arrays (for example a shared mask or a first phase's saliencies)."""
    round: int = 0
    """The round under way, from 1; 0 before the first."""
    initial: Arrays = field(default_factory=dict)
    """The initial weights: keyed, so both sides have them and they never travel."""
    prunable: tuple[str, ...] = ()
    """Names of the weights (not biases, not norms) that a mask may cover."""
    combiner: Combiner = field(default_factory=Combiner)
    """How replies are combined in this run: ``[aggregate]`` and ``[server_optimizer]``."""
    moments: Arrays = field(default_factory=dict)
    """The server optimizer's memory, apart from the strategy's; checkpoints carry it too."""
    rounds: int = 1
    """The rounds that the run is to have."""

    def combine(self, updates: Sequence[Update], *, over: Over = "holders", weighted: bool = False) -> Arrays:
        """The next weights, as the scenario says how; the strategy says what.

        Args:
            updates: whose arrays are combined; each has values for some of the server's weights.
            over: "holders" combines a coordinate over those who hold it; "all" only where all of them do.
            weighted: whether clients count by their number of samples, where the aggregator knows weights.

        Returns:
            All of the server's weights. What nobody holds, or in "all" somebody does not, is as it was.
        """
        return self.combiner.combine(self.weights, updates, self.moments, over=over, weighted=weighted)


class Gate(Protocol):
    """How good weights are under a mask on the client's validation (else training) data: higher is better.

    This is the task's score where higher is better (for labels, accuracy in [0, 1]). For an error it is
    1 - error / chance: 1 is perfect, 0 no better than the best answer that ignores the input. So a threshold
    of 0.5 asks for half of the answers right, or for half of chance's error. See ``Score.quality``.
    """

    def __call__(self, weights: Arrays, mask: Mask) -> float: ...


class Fit(Protocol):
    """SGD on the client's training data: ``weights`` under ``mask`` as they are after ``epochs`` epochs.

    ``epochs`` is the round's number unless given. ``loss`` takes the place of the task's; it gets the
    model, a batch and its targets, and ``weights`` may then hold further arrays, which train like parameters
    and are ``model.extra`` there. ``proximal`` adds a pull towards an anchor. ``after_epoch`` gets the epoch,
    from 1, and the weights then. Momentum starts afresh and batches come in another order each time it is
    called in a round. Raises DivergedError when a loss or weight is not finite.
    """

    def __call__(
        self,
        weights: Arrays,
        mask: Mask,
        *,
        epochs: int | None = None,
        loss: Loss | None = None,
        proximal: Proximal | None = None,
        after_epoch: Callable[[int, Arrays], None] | None = None,
    ) -> Arrays: ...


class Gradient(Protocol):
    """Mean gradient of the task's loss at ``weights``, dense, by parameter name, float32.

    Over ``batches`` keyed batches of the client's training data, over all of it when None.
    """

    def __call__(self, weights: Arrays, *, batches: int | None = None) -> Arrays: ...


class Activity(Protocol):
    """Channels' share of zeros at ``weights`` under ``mask``: group's name -> float64 (channels,) in [0, 1].

    Of all that the layers that read a channel are given of it (mostly what its ReLU puts out, pooled), over
    all of the client's training data; 1 for a channel that is pruned.
    """

    def __call__(self, weights: Arrays, mask: Mask) -> Arrays: ...


class Peer(Protocol):
    """A second model on the client, with an optimizer of its own.

    ``model`` is as the scenario's ``[model]`` section, the scenario's own when empty; ``weights`` are what it
    holds, keyed initial ones where they are missing.
    """

    def __call__(self, model: Mapping[str, Any], weights: Arrays) -> Loop: ...


class Random(Protocol):
    """A generator keyed by (seed, ``purpose``, round, client); without ``round`` the same in every round."""

    def __call__(self, purpose: str, *, every_round: bool = True) -> np.random.Generator: ...


def _absent(*arguments: Any, **options: Any) -> Any:
    raise RuntimeError("this client was made without data to compute on")


@dataclass
class Client:
    """One client's view of the round under way; hooks change it in place.

    State commits with the reply: nothing here outlives a round that fails. None of what it can compute reads
    test data.
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
    shared: Mask = field(default_factory=Mask)
    """The mask that both sides know: coordinates it keeps are those that travel."""
    initial: Arrays = field(default_factory=dict)
    """The initial weights: keyed, so both sides have them and they never travel."""
    final: bool = False
    """Whether this is the evaluation after the last round, of which nothing is kept."""
    rounds: int = 1
    """The rounds that the run is to have; ``round`` is one more in the evaluation after them."""
    fit: Fit = _absent
    gradient: Gradient = _absent
    activity: Activity = _absent
    peer: Peer = _absent
    rng: Random = _absent
    scratch: dict[str, Any] = field(default_factory=dict)
    """Between hooks of one round; forgotten after it."""


Removed = Literal["conv", "any"]
"""Channels of convolutions, or of linear layers as well."""


Choice = Literal["update", "aggregate", "server_optimizer"]
"""Sections of a scenario that say what becomes of updates beside the strategy."""


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
        """Why this method's own rule leaves no place for what a section asks for, in a phrase.

        Asked when a scenario is read, of ``update``, ``aggregate`` and ``server_optimizer`` where they differ
        from their defaults; None accepts. A method refuses what would have no effect or break its rule.
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
