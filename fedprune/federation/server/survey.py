"""A question to clients after the last round, asked again of those from whom no answer comes.

Each answer is on disk before the next is waited for, so that a run that is stopped asks only the others when
it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flwr.serverapp import Grid

from fedprune.federation.flower.nodes import node_ids
from fedprune.federation.flower.transport import Limits, exchange
from fedprune.federation.protocol.messages import reply_limit
from fedprune.federation.server.conversation import Accepted, Conversation, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Exchange, Round, TooFewRepliesError, needed, reasons
from fedprune.runs.sealed import SealedLines
from fedprune.types import Bounds
from fedprune.wire.errors import CodecError

ATTEMPTS = 3
"""How often a client is asked at most: a worker that is killed, or late once, costs no client."""

AT_ONCE = 50
"""Clients at work at a time on a grid that takes all it is given."""

Record = dict[str, Any]
OnAnswer = Callable[[int, int], None]
"""Told how many clients have answered by now, and how many are asked."""


class MissingClientsError(TooFewRepliesError):
    """A survey lacks more clients than the quorum allows."""

    def __init__(self, line: str, missing: int) -> None:
        """``missing`` is the number of clients that it lacks."""
        super().__init__(line)
        self.missing = missing


@dataclass(frozen=True)
class Survey:
    """One question to clients under the state after the last round."""

    name: str
    """What messages call it."""
    federation: Federation
    clients: Sequence[int]
    """Who is asked, ascending."""
    exchange: Exchange
    told: OnAnswer
    path: Path
    """The file that keeps the answers until all are there."""
    about: str
    """What the answers are about: those in the file about something else do not count."""
    opened: Callable[[Sequence[int]], Round]
    """The exchange with these clients."""
    record: Callable[[Accepted], Record]
    """An answer as plain data, with the ``client`` that gave it; raises CodecError for one that cannot be."""
    fields: Collection[str]
    """The fields of a record."""
    again: str
    """The command that asks the clients that are missing once more."""

    def run(self) -> tuple[list[Record], dict[int, str]]:
        """Ask every client that has not answered yet, up to ATTEMPTS times.

        Returns:
            The records by client, and why each client that is missing did not answer.

        Raises:
            MissingClientsError: fewer answered than ``evaluate.quorum`` asks for.
        """
        clients, among = self.clients, frozenset(self.clients)
        with SealedLines(self.path, self.about) as answers:
            # A version that wrote other fields says nothing about these.
            known = [row for row in answers.read() if row.keys() == set(self.fields)]
            rows: dict[int, Record] = {row["client"]: row for row in known if row["client"] in among}
            missing: dict[int, str] = {}
            for _ in range(ATTEMPTS):
                if left := [client for client in clients if client not in rows]:
                    missing = self._ask(left, rows, answers)
        self._require_quorum(len(clients), missing)
        return [rows[client] for client in sorted(rows)], missing

    def _ask(self, clients: Sequence[int], rows: dict[int, Record], answers: SealedLines) -> dict[int, str]:
        """Ask these clients once and add what they answer to ``rows``; why the others did not."""
        failed = dict[int, str]()
        asked = self.opened(clients)
        for conversation, reply in self.exchange(asked.orders()):
            conversation.take(reply)
            if conversation.accepted:
                self._note(conversation, conversation.accepted, rows, answers)
            if conversation.refused:
                failed[conversation.client] = conversation.refused
            # Memory does not grow with the clients that exist.
            asked.conversations.pop(conversation.client, None)
        return {client: failed[client] for client in sorted(failed) if client not in rows}

    def _note(
        self, conversation: Conversation, reply: Accepted, rows: dict[int, Record], answers: SealedLines
    ) -> None:
        """Add an answer to ``rows`` and to those on disk, or refuse it."""
        try:
            rows[conversation.client] = self.record(reply)
        except CodecError as error:
            conversation.withdraw(str(error))
            return
        answers.append(rows[conversation.client])
        self.told(len(rows), len(self.clients))

    def _require_quorum(self, asked: int, missing: dict[int, str]) -> None:
        enough = needed(self.federation.scenario.evaluate.quorum, asked)
        if asked - len(missing) < enough:
            raise MissingClientsError(
                f"{self.name}: {asked - len(missing)} of {asked} clients answered, the quorum is "
                f"{enough}: {reasons(missing)}; the answers are kept, ask the others again with: "
                f"{self.again}",
                len(missing),
            )


def exchange_with_all(grid: Grid, federation: Federation, nodes: Sequence[int] = ()) -> Exchange:
    """Carries a survey's orders on ``grid``, where ``nodes`` are the clients' if they are known already; each
    client may take ``engine.timeout``."""
    timeout, clients = federation.scenario.engine.timeout, federation.experiment.partition.clients

    def carried(conversations: Iterable[Conversation]) -> Iterator[tuple[Conversation, Incoming]]:
        limits = Limits(each=Bounds(seconds=timeout, reply_bytes=reply_limit({})), at_once=AT_ONCE)
        return exchange(grid, nodes or node_ids(grid, clients), conversations, limits)

    return carried
