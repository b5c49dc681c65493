"""The server's half of a round: who trains, what goes down to each, and what becomes of the replies."""

from __future__ import annotations

import logging
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fedprune.aggregation import Update
from fedprune.federation.experiment import open_experiment
from fedprune.federation.protocol.link import Link
from fedprune.federation.protocol.memory import ServerMemory
from fedprune.federation.protocol.messages import Order, Phase, Report, read, write
from fedprune.pruning.mask import Mask, kept_counts
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.seeds import generator
from fedprune.strategy import Server
from fedprune.types import Arrays, Shapes, UserError
from fedprune.wire.account import Bytes, measure
from fedprune.wire.codec import Decoded
from fedprune.wire.errors import CodecError

log = logging.getLogger("fedprune")

NORM_LIMIT = 1e6
"""Largest L2 norm of an array that is averaged: far above any trained network's, and a client whose training
explodes without reaching infinity would outweigh all others."""


class TooFewRepliesError(UserError):
    """Fewer clients replied than the quorum asks for."""


@dataclass(frozen=True)
class State:
    """All that the server carries from round to round; replaced whole, so always that of a full round."""

    round: int
    weights: Arrays
    memory: Arrays = field(default_factory=dict)
    """The strategy's own arrays."""
    moments: Arrays = field(default_factory=dict)
    """What the server optimizer remembers."""
    known: Mapping[int, int] = field(default_factory=dict)
    """Client -> round of the last version of its state that the server accepted."""


@dataclass(frozen=True)
class Outgoing:
    """One order as handed to the transport."""

    client: int
    blob: bytes
    parts: Mapping[str, bytes]


@dataclass(frozen=True)
class Incoming:
    """One client's reply as it came: a blob, or the reason why there is none; sizes are the transport's."""

    client: int
    blob: bytes | None
    reason: str
    bytes_down: Bytes
    transported: int


@dataclass(frozen=True)
class Accepted:
    """A reply that passed every check."""

    report: Report
    update: Update
    alive: list[int]
    """Kept coordinates of each prunable parameter, in order."""
    view: ServerMemory
    """What the server keeps of the client if the round counts."""
    bytes_down: Bytes
    bytes_up: Bytes


@dataclass(frozen=True)
class Outcome:
    """What a round came to."""

    accepted: list[Accepted]
    failed: dict[int, str]
    """Client -> why its reply does not count, in one line."""
    lost_down: Bytes
    """What failed clients were sent: it moved all the same."""
    lost_up: Bytes


@dataclass(frozen=True)
class _Asked:
    """A client at work: what it was sent, and what the server will keep of that."""

    link: Link
    parts: Mapping[str, bytes]
    mask: Mask
    """The mask that both sides know since."""
    residual: Arrays


class Federation:
    """The server of one run. ``orders`` and ``conclude`` are a round; ``state`` changes when one is whole."""

    def __init__(self, scenario: Scenario, run: str, views: VersionedStore) -> None:
        """``run`` names the run to its clients; ``views`` is where the server keeps what it knows of them."""
        self.scenario = scenario
        self._settings = scenario.client_settings()
        self.experiment = open_experiment(self._settings, scenario.data.root)
        self._run, self._views = run, views
        self._asked: dict[int, _Asked] = {}
        server = self._server(State(round=0, weights=self.experiment.initial), 0)
        self.state = State(round=0, weights=self.experiment.strategy.begin(server), memory=server.memory)

    def sample(self, round: int) -> list[int]:
        """This round's clients, sorted."""
        run = self.scenario.run
        rng = generator(run.seed, "sampling", round=round)
        every = self.scenario.partition.clients
        return sorted(int(client) for client in rng.choice(every, run.clients_per_round, replace=False))

    def evaluates(self, round: int) -> bool:
        """Whether clients report accuracy on test data in this round."""
        every = self.scenario.evaluate.every
        return bool(every) and round % every == 0

    def orders(
        self, round: int, clients: Sequence[int], *, floor: int, evaluate: bool, phase: Phase
    ) -> list[Outgoing]:
        """What goes down to each client, encoded."""
        self._asked = {}
        return [self._order(round, client, floor, evaluate, phase) for client in clients]

    def mask(self, client: int) -> Mask:
        """The mask that both this client and the server know; empty when it never sent one."""
        return self._view(client).known.shared

    def _view(self, client: int) -> ServerMemory:
        """What the server keeps of a client."""
        if not self._keeps_views:
            return ServerMemory()
        return ServerMemory.load(self._views, client, self.state.known.get(client, 0))

    @property
    def _keeps_views(self) -> bool:
        up, down = self.experiment.uplink, self.experiment.downlink
        return bool(self.experiment.maskable) or up.base == "tracked" or down.uses_held or down.remembers

    def global_model(self) -> Arrays | None:
        """The weights that a newcomer would be handed; None where the server has no whole model."""
        experiment, round = self.experiment, self.state.round + 1
        if not set(experiment.architecture.prunable) <= set(
            experiment.strategy.part(experiment.travelling, "down", round)
        ):
            return None
        return {**experiment.initial, **experiment.strategy.global_model(self._server(self.state, round))}

    def _server(self, state: State, round: int) -> Server:
        experiment = self.experiment
        return Server(
            state.weights,
            dict(state.memory),
            round,
            experiment.initial,
            experiment.architecture.prunable,
            experiment.combiner,
            dict(state.moments),
        )

    def _order(self, round: int, client: int, floor: int, evaluate: bool, phase: Phase) -> Outgoing:
        experiment, view = self.experiment, self._view(client)
        mask, link = view.known.shared, Link(experiment, client, round, view.known)
        travelling = experiment.strategy.part(experiment.travelling, "down", round)
        payload = experiment.strategy.send(self._server(self.state, round), travelling, mask)
        encoded = link.send_down(payload, view.residual)
        told = mask if payload.mask is None else payload.mask
        self._asked[client] = _Asked(link, encoded.parts, told, encoded.residual)
        known = self.state.known.get(client, 0)
        watched = self.scenario.run.patience is not None and phase == "train"
        head = Order(phase, round, client, known, floor, evaluate, self._settings, self._run, watched)
        return Outgoing(client, *write(head, encoded.parts))

    def conclude(self, round: int, replies: Sequence[Incoming], floor: int = 0) -> Outcome:
        """Check the replies, aggregate the good ones, move on to the next state.

        Raises TooFewRepliesError when fewer than the quorum passed; the state is then as before.
        """
        experiment = self.experiment
        outcome = self.sift(round, replies, experiment.strategy.part(experiment.travelling, "up", round))
        asked = len({reply.client for reply in replies})
        # 0.07 of 100 is 7, although 0.07 * 100 is 7.000000000000001 in floating point.
        needed = max(1, math.ceil(self.scenario.run.quorum * asked - 1e-9))
        if len(outcome.accepted) < needed:
            reasons = "; ".join(
                f"client {client}: {reason}" for client, reason in list(outcome.failed.items())[:3]
            )
            raise TooFewRepliesError(
                f"round {round}: {len(outcome.accepted)} of {asked} replies count, "
                f"the quorum is {needed}: {reasons}"
            )
        known = dict(self.state.known)
        for reply in outcome.accepted:
            client = reply.report.client
            if reply.report.kept:
                # Under floor 0 only what was rejected goes.
                oldest = 0 if self.scenario.run.keep_history else floor
                self._views.collect(client, known.get(client, 0), oldest)
                if self._keeps_views:
                    self._views.save(client, round, reply.view.arrays())
                known[client] = round
        server = self._server(self.state, round)
        weights = experiment.strategy.aggregate(server, [reply.update for reply in outcome.accepted])
        self.state = State(round, weights, server.memory, server.moments, known)
        return outcome

    def sift(self, round: int, replies: Sequence[Incoming], expected: Shapes) -> Outcome:
        """Replies that carry ``expected`` and pass every check, by client, and why others do not count."""
        accepted: list[Accepted] = []
        failed = {}
        lost_down = lost_up = Bytes()
        for reply in sorted(replies, key=lambda reply: reply.client):
            try:
                if accepted and accepted[-1].report.client == reply.client:
                    raise CodecError("a second reply to one message")
                accepted.append(self._accept(round, reply, expected))
            except CodecError as error:
                # The end of a client's traceback says most.
                failed[reply.client] = str(error).rstrip().rpartition("\n")[2]
                lost_down += reply.bytes_down
                lost_up += Bytes(overhead=reply.transported)
                log.error("round %d, client %d: %s", round, reply.client, error)
        return Outcome(accepted, failed, lost_down, lost_up)

    def _accept(self, round: int, reply: Incoming, expected: Shapes) -> Accepted:
        if reply.blob is None:
            raise CodecError(reply.reason)
        report, parts = read(Report, reply.blob)
        if (report.round, report.client) != (round, reply.client):
            raise CodecError(
                f"reply of client {report.client} in round {report.round}, not {reply.client} in {round}"
            )
        if report.samples != (own := len(self.experiment.partition.train(reply.client))):
            raise CodecError(f"{report.samples} training samples, its partition has {own}")
        if reply.client not in self._asked:
            raise CodecError("a reply that nobody asked for")
        asked = self._asked[reply.client]
        received = self._received(asked)
        said = asked.link.receive_up(parts, expected, received)
        _check_norms(said.arrays)
        view = ServerMemory(asked.link.after(received, said.mask, said.tracked), asked.residual)
        alive = self._alive(report, said.mask)
        sizes = measure({**parts, "head": b""}, reply.transported)
        update = Update(report.client, report.samples, said.arrays, said.mask)
        return Accepted(report, update, alive, view, reply.bytes_down, sizes)

    def _received(self, asked: _Asked) -> Decoded:
        """What the client was sent, as it decoded it; its mask alone where nothing more is needed."""
        if self.experiment.uplink.uses_held or self.experiment.downlink.uses_held:
            return asked.link.receive_down(asked.parts)
        return Decoded({}, asked.mask, {})

    def _alive(self, report: Report, mask: Mask) -> list[int]:
        shapes = self.experiment.prunable
        if report.alive is None:
            return kept_counts(mask, shapes)
        sizes = kept_counts(Mask(), shapes)
        if len(report.alive) != len(sizes) or any(map(operator.gt, report.alive, sizes)):
            raise CodecError(f"kept weights {report.alive}, the model has {sizes}")
        return report.alive


def _check_norms(arrays: Arrays) -> None:
    for name, value in arrays.items():
        norm = float(np.linalg.norm(value.astype(np.float64)))
        if norm > NORM_LIMIT:
            raise CodecError(
                f"{name}: its norm is {norm:.3g}, more than {NORM_LIMIT:g}: did training explode?"
            )
