"""``Flight``: one client at work on the simulated clock, and how what is in flight goes into a checkpoint."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from fedprune.federation.server.conversation import Conversation
from fedprune.federation.server.round import Round
from fedprune.federation.server.state import ServerState, arrays_of, state_of
from fedprune.federation.server.versions import Versions
from fedprune.pruning.cost import TRAINED, cost_under
from fedprune.types import Arrays

_FLIGHTS, _TIMES, _SENT = "flights", "flight times", "flights sent"


@dataclass(frozen=True)
class Departure:
    """A client was sent an order: all that it takes to make that order again."""

    client: int
    state: ServerState
    """The server's then; the order is one of the round after it."""
    at: float
    """When it was sent, in simulated seconds since the run began."""

    @property
    def round(self) -> int:
        """The round that the order is of."""
        return self.state.round + 1


@dataclass(frozen=True)
class Flight:
    """A client between its order and the arrival of its reply."""

    departure: Departure
    conversation: Conversation
    earliest: float
    """When its reply can arrive at the earliest, in simulated seconds since the run began."""

    @classmethod
    def of(cls, departure: Departure, round: Round) -> Flight:
        """Open the conversation; ``round`` is that of the departure.

        A client computes at least the round's epochs under the mask that both sides know, or one where early
        stopping may end its training. So much time passes even if its method does less, or its reply fails.
        """
        conversation = round.opened(departure.client)
        assert conversation.rates is not None
        experiment, train = round.federation.experiment, round.federation.scenario.train
        passes = TRAINED * (1 if train.patience else train.epochs)
        under = cost_under(experiment.architecture, conversation.received.mask)
        work = passes * len(experiment.partition.train(departure.client)) * under.multiply_adds
        least = conversation.rates.seconds(work, len(conversation.order), 0)
        return cls(departure, conversation, departure.at + least)

    @property
    def client(self) -> int:
        """Who is at work."""
        return self.departure.client

    @property
    def is_over(self) -> bool:
        """Whether it is known what came of it, and so when it arrives."""
        return bool(self.conversation.accepted or self.conversation.refused)

    @property
    def bound(self) -> float:
        """When its reply arrives, or at the earliest while that is not known; in simulated seconds."""
        accepted = self.conversation.accepted
        if accepted is None or accepted.seconds is None:
            return self.earliest
        return max(self.earliest, self.departure.at + accepted.seconds)


def arrays_of_departures(departures: Collection[Departure], sent: int) -> Arrays:
    """Who is in flight, as named arrays; ``sent`` is how many orders there were so far."""
    states = {each.round: replace(each.state, versions=Versions()) for each in departures}
    return {
        _FLIGHTS: np.array([(each.client, each.round) for each in departures], np.int64).reshape(-1, 2),
        _TIMES: np.array([each.at for each in departures], np.float64),
        _SENT: np.array([sent], np.int64),
        **{
            f"{_FLIGHTS} {round}/{name}": array
            for round, state in states.items()
            for name, array in arrays_of(state).items()
        },
    }


def departures_of(arrays: Arrays) -> tuple[list[Departure], int]:
    """Inverse of ``arrays_of_departures``."""
    states: dict[int, ServerState] = {}
    for round in sorted({int(round) for _, round in arrays[_FLIGHTS]}):
        prefix = f"{_FLIGHTS} {round}/"
        mine = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
        states[round] = state_of(mine, round - 1)
    there = zip(arrays[_FLIGHTS], arrays[_TIMES], strict=True)
    found = [Departure(int(client), states[int(round)], float(at)) for (client, round), at in there]
    return found, int(arrays[_SENT][0])
