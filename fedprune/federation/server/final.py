"""The final evaluation: after the last round all clients are tested, or of very many a sample that stands for
them; see ``survey.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedprune.federation.server import records
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Exchange, Round
from fedprune.federation.server.survey import OnAnswer, Survey
from fedprune.runs.folder import RunFolder
from fedprune.runs.metrics import METRICS
from fedprune.scenario import Scenario
from fedprune.seeds import generator


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
    """The evaluation of all clients under the state after the last round."""

    federation: Federation
    folder: RunFolder
    rounds_accepted: Mapping[int, int]
    """Client -> in how many rounds its reply was accepted; a client without an entry in none."""
    exchange: Exchange
    told: OnAnswer

    def run(self) -> records.Evaluated:
        """Ask every client that has not answered yet, several times.

        Raises MissingClientsError when fewer answer than ``evaluate.quorum`` asks for.
        """
        federation, taken = self.federation, self.rounds_accepted
        rows, missing = Survey(
            name="final evaluation",
            federation=federation,
            clients=asked(federation.scenario),
            exchange=self.exchange,
            told=self.told,
            path=self.folder.evaluated,
            about=federation.identity(),
            opened=lambda clients: Round(
                federation, federation.state.round + 1, clients, phase="final", evaluate=True
            ),
            record=lambda reply: records.final_record(
                reply, federation.experiment, taken.get(reply.report.client, 0)
            ),
            fields=METRICS["final.jsonl"],
            again=f"fedprune resume {self.folder.path}",
        ).run()
        return records.Evaluated(rows, missing)
