"""The final evaluation: after the last round clients are tested, and asked again if no answer comes.

All are, or of very many a sample that stands for them. Each answer is on disk before the next is waited for,
so that a run that is stopped asks only the others when it goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedprune.federation.server import records
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Exchange, Round, TooFewRepliesError, needed, reasons
from fedprune.runs.folder import RunFolder
from fedprune.runs.metrics import METRICS
from fedprune.runs.sealed import SealedLines
from fedprune.scenario import Scenario
from fedprune.seeds import generator

ATTEMPTS = 3
"""How often a client is asked at most: a worker that is killed, or late once, costs no client."""

Record = dict[str, Any]
OnEvaluated = Callable[[int, int], None]
"""Told how many clients are evaluated by now, and how many are to be."""


class MissingClientsError(TooFewRepliesError):
    """The final evaluation lacks more clients than its quorum allows."""

    def __init__(self, line: str, missing: int) -> None:
        """``missing`` is the number of clients that it lacks."""
        super().__init__(line)
        self.missing = missing


def asked(scenario: Scenario) -> Sequence[int]:
    """The clients that a run's final evaluation asks, ascending: all, or a random sample without replacement.

    The draw is keyed by the run's seed, whoever took part in the rounds.
    """
    clients = scenario.partition.clients
    size = scenario.evaluate.asked(clients)
    if size == clients:
        return range(clients)
    rng = generator(scenario.run.seed, "final evaluation")
    return sorted(rng.choice(clients, size, replace=False).tolist())


@dataclass(frozen=True)
class FinalEvaluation:
    """The evaluation of clients under the state after the last round."""

    federation: Federation
    folder: RunFolder
    rounds_accepted: Mapping[int, int]
    """Client -> in how many rounds its reply was accepted; a client without an entry in none."""
    exchange: Exchange
    told: OnEvaluated

    def run(self) -> records.Evaluated:
        """Ask every client that has not answered yet, up to ATTEMPTS times.

        Raises MissingClientsError when fewer answer than ``evaluate.quorum`` asks for.
        """
        clients = asked(self.federation.scenario)
        among = frozenset(clients)
        with SealedLines(self.folder.evaluated, self._about()) as answers:
            # A version that wrote other fields says nothing about these.
            known = [row for row in answers.read() if row.keys() == METRICS["final.jsonl"].keys()]
            rows: dict[int, Record] = {row["client"]: row for row in known if row["client"] in among}
            missing: dict[int, str] = {}
            for _ in range(ATTEMPTS):
                if left := [client for client in clients if client not in rows]:
                    missing = self._ask(left, rows, answers, len(clients))
        self._require_quorum(len(clients), missing)
        return records.Evaluated([rows[client] for client in sorted(rows)], missing)

    def _ask(
        self, clients: Sequence[int], rows: dict[int, Record], answers: SealedLines, every: int
    ) -> dict[int, str]:
        """Ask these clients once and add what they answer to ``rows``, which are to be ``every`` in the end;
        why the others did not."""
        federation, failed = self.federation, dict[int, str]()
        asked = Round(federation, federation.state.round + 1, clients, phase="final", evaluate=True)
        for conversation, reply in self.exchange(asked.orders()):
            conversation.take(reply)
            if conversation.accepted:
                client = conversation.client
                taken = self.rounds_accepted.get(client, 0)
                rows[client] = records.final_record(conversation.accepted, federation.experiment, taken)
                answers.append(rows[client])
                self.told(len(rows), every)
            else:
                failed[conversation.client] = conversation.refused
            # Memory does not grow with the clients that exist.
            asked.conversations.pop(conversation.client, None)
        return {client: failed[client] for client in sorted(failed) if client not in rows}

    def _require_quorum(self, asked: int, missing: dict[int, str]) -> None:
        enough = needed(self.federation.scenario.evaluate.quorum, asked)
        if asked - len(missing) < enough:
            raise MissingClientsError(
                f"final evaluation: {asked - len(missing)} of {asked} clients answered, the quorum is "
                f"{enough}: {reasons(missing)}; the answers are kept, ask the others again with: "
                f"fedprune resume {self.folder.path}",
                len(missing),
            )

    def _about(self) -> str:
        """The run and the model that are evaluated."""
        state = self.federation.state
        digest = hashlib.sha256()
        for name in sorted(state.weights):
            digest.update(name.encode() + state.weights[name].tobytes())
        return f"{self.federation.scenario.run_id()} after round {state.round}: {digest.hexdigest()}"
