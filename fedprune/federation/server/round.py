"""The server's half of a round, top to bottom: sample, send, encode, collect, decode, validate, aggregate,
commit, record.

An order is made when a client is about to fall idle, and a reply is decoded and checked while others still
train. Replies are combined in the order of the clients, whenever they came.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fedprune.aggregation import Update
from fedprune.federation.protocol.link import Common, Link
from fedprune.federation.protocol.messages import SHARED, Order, Phase, write
from fedprune.federation.server.adversary import plotted
from fedprune.federation.server.conversation import Accepted, Conversation, Fate, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.outliers import Change, outliers
from fedprune.federation.server.staleness import Staleness
from fedprune.types import Arrays, UserError
from fedprune.wire.account import Bytes

Exchange = Callable[[Iterable[Conversation]], Iterator[tuple[Conversation, Incoming]]]
"""Carries each conversation's order to its client, and brings back what came of it as it comes."""


class TooFewRepliesError(UserError):
    """Fewer clients replied than the quorum asks for."""


@dataclass(frozen=True)
class Outcome:
    """What a round came to, in the order of the clients."""

    accepted: list[Accepted]
    failed: dict[int, str]
    """Client -> why its reply does not count, in one line."""
    fates: dict[int, Fate]
    """Client -> what became of it, of the same clients."""
    lost_down: Bytes
    """What failed clients were sent: it moved all the same."""
    lost_up: Bytes


@dataclass
class Round:
    """One round: whom it asks, and its conversation with each of those asked so far."""

    federation: Federation
    number: int
    clients: Sequence[int]
    phase: Phase = "train"
    evaluate: bool = False
    """Whether clients are tested."""
    floor: int = 0
    """The oldest round that a retained checkpoint can resume from."""
    turns: Sequence[int] | None = None
    """The clients in the order in which they are asked, which changes no result; as in ``clients`` unless
    given."""
    conversations: dict[int, Conversation] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    """See ``Conversation.told``."""
    common: Common = field(default_factory=Common)
    personalize: Mapping[str, Any] = field(default_factory=dict)
    """The keys of [personalize] where clients are to personalize their models."""
    shared: bytes = b""
    """What goes down beside the payload, the same to all: see ``messages.SHARED``."""

    @classmethod
    def sampled(cls, federation: Federation, number: int, floor: int = 0) -> Round:
        """A round of training with the clients that are drawn for it."""
        evaluate = federation.evaluates(number)
        return cls(federation, number, federation.sample(number), evaluate=evaluate, floor=floor)

    def orders(self) -> Iterator[Conversation]:
        """Open the conversation with one client after the other, each when it is asked for."""
        for client in self.turns or self.clients:
            self.conversations[client] = self.opened(client)
            yield self.conversations[client]

    @property
    def accepted(self) -> list[Accepted]:
        """The replies that count so far, in the order of the clients."""
        there = sorted(self.conversations.items())
        return [each.accepted for _, each in there if each.accepted]

    def outcome(self) -> Outcome:
        """What came of the conversations."""
        there = [self.conversations[client] for client in self.clients if client in self.conversations]
        return Outcome(
            accepted=[each.accepted for each in there if each.accepted],
            failed={each.client: each.refused for each in there if each.refused},
            fates={each.client: each.fate for each in there if each.refused},
            lost_down=sum((each.bytes_down for each in there if not each.accepted), Bytes()),
            lost_up=sum((each.refused_bytes for each in there), Bytes()),
        )

    def opened(self, client: int) -> Conversation:
        """Send and encode: what the strategy has for a client, as an order."""
        federation, experiment = self.federation, self.federation.experiment
        memory = federation.memory(client)
        link = Link(experiment, client, self.number, memory.shared)
        travelling = experiment.strategy.part(experiment.travelling, "down", self.number)
        server = federation.server(self.number, client)
        rates = federation.rates(client, self.number) if self.phase == "train" else None
        payload = experiment.strategy.send(server, travelling, memory.shared.mask)
        encoded = link.send_down(payload, memory.residual, self.common)
        head = Order(
            phase=self.phase,
            round=self.number,
            client=client,
            version=federation.state.versions.get(client, 0),
            floor=self.floor,
            evaluate=self.evaluate,
            settings=federation.settings,
            run=federation.run,
            personalize=dict(self.personalize),
            validation=federation.scenario.run.patience is not None and self.phase == "train",
            counts_work=rates is not None,
        )
        training = self.phase == "train"
        expected = {} if not training else experiment.strategy.part(experiment.travelling, "up", self.number)
        received = link.received_by_client(payload, encoded)
        beside = {SHARED: self.shared} if self.shared else {}
        order, parts = write(head, {**encoded.parts, **beside})
        return Conversation(
            link,
            order,
            parts,
            received,
            encoded.residual,
            expected,
            payload.arrays,
            training=training,
            told=self.told,
            rates=rates,
        )


def conclude(round: Round) -> Outcome:
    """Aggregate what counts of a round's replies and commit it. Raises TooFewRepliesError."""
    _refuse_late(round)
    _let_attackers_agree(round)
    _refuse_outliers(round)
    outcome, federation = round.outcome(), round.federation
    _require_quorum(round, outcome)
    server = federation.server(round.number)
    updates = [_present(round, reply, server.weights) for reply in outcome.accepted]
    weights = federation.experiment.strategy.aggregate(server, updates)
    federation.commit(round.number, weights, server, outcome.accepted, round.floor)
    return outcome


def _refuse_late(round: Round) -> None:
    """Only what is there by the deadline counts, and no more than the first replies that were wanted."""
    scenario = round.federation.scenario
    deadline, wanted = scenario.faults.deadline, scenario.run.clients_per_round
    timed = [(each.seconds, each) for each in round.accepted if each.seconds is not None]
    ordered = sorted(timed, key=lambda found: (found[0], found[1].report.client))
    for place, (seconds, each) in enumerate(ordered):
        conversation = round.conversations[each.report.client]
        if deadline is not None and seconds > deadline:
            took = f"late: it took {seconds:.4g} simulated seconds, the deadline is {deadline:g}"
            conversation.withdraw(took, "late")
        elif place >= wanted:
            conversation.withdraw(f"late: {wanted} others had replied before it", "late")


def _let_attackers_agree(round: Round) -> None:
    """Attackers that know what all others sent have their say before replies are compared."""
    experiment = round.federation.experiment
    if not experiment.chain.plots:
        return
    seed = experiment.scenario.run.seed
    for client, update in plotted(experiment.chain.plots, _changes(round), seed, round.number).items():
        conversation = round.conversations[client]
        assert conversation.accepted is not None
        conversation.accepted = replace(conversation.accepted, update=update)


def _present(round: Round, reply: Accepted, weights: Arrays) -> Update:
    """A reply's update, as one of this round where its order was one of an earlier round."""
    federation, conversation = round.federation, round.conversations[reply.report.client]
    stale = Staleness(round.number - reply.report.round, federation.scenario.run.staleness)
    statistics = federation.experiment.architecture.statistics
    return stale.rebased(reply.update, conversation.payload, weights, statistics)


def _refuse_outliers(round: Round) -> None:
    """Validate each reply by the others, once all are there."""
    for client, reason in outliers(_changes(round), round.federation.least_norms).items():
        round.conversations[client].withdraw(reason)


def _changes(round: Round) -> list[Change]:
    """What each reply that counts so far makes of what its client was sent, in the order of the clients."""
    there = sorted(round.conversations.items())
    return [Change(each.accepted.update, each.payload) for _, each in there if each.accepted]


def _require_quorum(round: Round, outcome: Outcome) -> None:
    asked = len(round.conversations)
    enough = needed(round.federation.scenario.run.quorum, asked)
    if len(outcome.accepted) < enough:
        raise TooFewRepliesError(
            f"round {round.number}: {len(outcome.accepted)} of {asked} replies count, "
            f"the quorum is {enough}: {reasons(outcome.failed)}"
        )


def needed(quorum: float, asked: int) -> int:
    """How many of the clients that are asked a quorum demands: their share of it, rounded up, at least
    one."""
    # 0.07 of 100 is 7, although 0.07 * 100 is 7.000000000000001 in floating point.
    return max(1, math.ceil(quorum * asked - 1e-9))


def reasons(failed: Mapping[int, str]) -> str:
    """The first three reasons why clients failed, each told once."""
    clients: dict[str, list[int]] = {}
    for client, reason in failed.items():
        clients.setdefault(reason, []).append(client)
    return "; ".join(
        f"client {first}{f' and {len(others)} more' if others else ''}: {reason}"
        for reason, (first, *others) in list(clients.items())[:3]
    )
