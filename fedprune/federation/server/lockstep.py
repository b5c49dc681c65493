"""The lockstep pace: each round samples its clients and waits for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fedprune.federation.server.federation import Federation
from fedprune.federation.server.records import Elapsed, after_the_slowest
from fedprune.federation.server.round import Exchange, Outcome, Round, conclude
from fedprune.federation.server.troubles import Troubles
from fedprune.types import Arrays


class Lockstep:
    """See ``Pace``; nothing is under way between two rounds."""

    def __init__(
        self,
        federation: Federation,
        exchange: Exchange,
        troubles: Troubles,
        in_turns: Callable[[Sequence[int]], Sequence[int]] = lambda clients: clients,
    ) -> None:
        """Begin with nobody at work; ``in_turns`` says in which order a round's clients are asked."""
        self._federation, self._troubles, self._in_turns = federation, troubles, in_turns
        self._exchange = troubles.on(exchange)

    def play(self, number: int, floor: int, before: float) -> tuple[Round, Outcome, Elapsed | None]:
        """See ``Pace.play``."""
        before = self._federation.wait(before)
        round = Round.sampled(self._federation, number, floor)
        round.turns = self._in_turns(round.clients)
        for conversation, reply in self._exchange(round.orders()):  # send, encode; collect
            conversation.take(reply)  # decode, validate
        outcome = conclude(round)  # aggregate, commit
        return round, outcome, after_the_slowest(outcome, before, self._troubles.waited(round, outcome))

    def floor(self, checkpoint: int) -> int:
        """See ``Pace.floor``: clients' versions are those of the rounds that were over by then."""
        return checkpoint

    def under_way(self) -> Arrays:
        """See ``Pace.under_way``."""
        return {}

    def restore(self, arrays: Arrays) -> None:
        """See ``Pace.restore``."""

    def close(self) -> None:
        """See ``Pace.close``."""
