"""The buffered pace: so many clients are at work at a time, and the first replies to arrive make a round.

Nguyen et al.: Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022,
https://arxiv.org/abs/2106.06639, Algorithm 1 (FedBuff). Whenever a reply arrives, another client is drawn and
sent the server's present model, so that ``run.concurrency`` are at work; when ``run.clients_per_round`` have
arrived, the server takes a step along what they changed, see ``staleness``. Beyond the paper, a client whose
reply waits in the buffer is not drawn: what it remembers of its round counts once that reply does.

Arrivals are ordered by the simulated clock, and equal times by client. When a reply arrives is known once it
is computed; so orders go to workers as soon as their departure is certain, and an arrival is certain once no
other flight can arrive before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator

from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.flight import Departure, Flight, arrays_of_departures, departures_of
from fedprune.federation.server.records import Elapsed
from fedprune.federation.server.round import Outcome, Round, conclude
from fedprune.seeds import generator
from fedprune.types import Arrays

Replies = Generator[tuple[Conversation, Incoming], None, None]
"""What comes of orders, each as it comes."""


class Buffered:
    """See ``Pace``; clients stay at work from one round to the next."""

    def __init__(
        self, federation: Federation, exchange: Callable[[Iterable[Conversation | None]], Replies]
    ) -> None:
        """Begin with nobody at work.

        Args:
            federation: whose clients they are.
            exchange: carries orders to clients, None among them where there is none before the next reply.
        """
        self._federation, self._exchange = federation, exchange
        run = federation.scenario.run
        assert run.concurrency is not None
        self._seed, self._concurrency, self._buffer = run.seed, run.concurrency, run.clients_per_round
        self._sent = 0
        self._waiting: list[Departure] = []
        """Restored departures whose orders are to be made again."""
        self._flights: dict[int, Flight] = {}
        self._orders: deque[Conversation] = deque()
        self._replies: Replies | None = None
        self._floors: dict[int, int] = {}

    def play(self, number: int, floor: int, before: float) -> tuple[Round, Outcome, Elapsed | None]:
        """See ``Pace.play``."""
        federation, now = self._federation, before
        opening = Round(federation, number, (), evaluate=self._evaluates, floor=floor)
        self._take_up(floor)
        arrived: dict[int, Conversation] = {}
        while len(arrived) < self._buffer:
            self._fill(opening, arrived, now)
            now, client = self._next_arrival()
            arrived[client] = self._flights.pop(client).conversation
        played = Round(
            federation,
            number,
            sorted(arrived),
            evaluate=federation.evaluates(number),
            floor=floor,
            conversations=arrived,
        )
        return played, conclude(played), Elapsed(now - before, now)

    def floor(self, checkpoint: int) -> int:
        """See ``Pace.floor``: one version for all clients, older than that of any order then in flight."""
        return self._floors.get(checkpoint, 0)

    def under_way(self) -> Arrays:
        """See ``Pace.under_way``."""
        departures = [flight.departure for flight in self._flights.values()] or self._waiting
        self._note_floor(departures)
        return arrays_of_departures(departures, self._sent)

    def restore(self, arrays: Arrays) -> None:
        """See ``Pace.restore``; orders are made again when the next round begins."""
        self._waiting, self._sent = departures_of(arrays)
        self._note_floor(self._waiting)

    def close(self) -> None:
        """See ``Pace.close``."""
        if self._replies is not None:
            self._replies.close()

    @property
    def _evaluates(self) -> bool:
        """Whether clients are tested: nobody knows which round their reply will be part of."""
        return bool(self._federation.scenario.evaluate.every)

    def _take_up(self, floor: int) -> None:
        for departure in self._waiting:
            federation = self._federation.at(departure.state)
            self._depart(
                departure, Round(federation, departure.round, (), evaluate=self._evaluates, floor=floor)
            )
        self._waiting = []

    def _fill(self, round: Round, arrived: dict[int, Conversation], now: float) -> None:
        """Send clients off until enough are at work, or nobody is left to be drawn."""
        clients = self._federation.experiment.partition.clients
        while len(self._flights) < min(self._concurrency, clients - len(arrived)):
            self._sent += 1
            # Keyed by the order's number, where lockstep keys by round: with one client at a time both draw
            # the same ones.
            rng = generator(self._seed, "sampling", round=self._sent)
            client = int(rng.choice(clients, 1, replace=False)[0])
            while client in self._flights or client in arrived:
                client = int(rng.choice(clients, 1, replace=False)[0])
            self._depart(Departure(client, self._federation.state, now), round)

    def _depart(self, departure: Departure, round: Round) -> None:
        flight = Flight.of(departure, round)
        self._flights[flight.client] = flight
        self._orders.append(flight.conversation)

    def _next_orders(self) -> Iterator[Conversation | None]:
        while True:
            yield self._orders.popleft() if self._orders else None

    def _next_arrival(self) -> tuple[float, int]:
        """When the next reply arrives, and whose it is; replies are waited for until that is certain."""
        if self._replies is None:
            self._replies = self._exchange(self._next_orders())
        while True:
            at, client = min((flight.bound, client) for client, flight in self._flights.items())
            if self._flights[client].is_over:
                return at, client
            conversation, reply = next(self._replies)
            conversation.take(reply)

    def _note_floor(self, departures: list[Departure]) -> None:
        number = self._federation.state.round
        oldest = min((each.round for each in departures), default=number + 1)
        self._floors[number] = oldest - 1
