"""The server's round loop: sample, send, collect, aggregate, record, checkpoint; at its end, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flwr.serverapp import Grid

from fedprune.compute.early_stopping import out_of_patience
from fedprune.compute.request import ScoreRequest
from fedprune.compute.threads import one_thread
from fedprune.federation.flower.nodes import node_ids
from fedprune.federation.flower.streaming import StreamingGrid
from fedprune.federation.flower.transport import Limits, exchange
from fedprune.federation.protocol.messages import reply_limit
from fedprune.federation.server import records
from fedprune.federation.server.buffered import Buffered, Replies
from fedprune.federation.server.conversation import Conversation, Incoming
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.final import FinalEvaluation, asked
from fedprune.federation.server.lockstep import Lockstep
from fedprune.federation.server.pace import Pace
from fedprune.federation.server.privacy import privacy_record
from fedprune.federation.server.records import Elapsed
from fedprune.federation.server.round import Outcome, Round
from fedprune.federation.server.state import ServerState, arrays_of, state_of
from fedprune.federation.server.survey import OnAnswer, exchange_with_all
from fedprune.federation.server.troubles import Troubles
from fedprune.pruning.mask import Mask
from fedprune.runs.checkpoint import Checkpoint, latest_checkpoint, retained_rounds, save_checkpoint
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import JsonLines, read_lines
from fedprune.scenario import Scenario
from fedprune.types import Arrays, Bounds

CHECKED = 10_000
"""The states of up to so many clients are all checked before a run goes on. Of more only those that the
checkpoint before lacks, which alone going back could mend; the rest are checked as they are read."""

OnRound = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Mark:
    """A whole round: the state after it, and the logs as they were then."""

    state: ServerState
    offsets: dict[str, int]
    """Name of a log -> its length in bytes."""
    digests: dict[str, str]
    """Name of a log -> its sha256."""
    under_way: Arrays
    """What of the rounds to come has begun."""


class Rounds:
    """One run from its last checkpoint to its results; interrupted, it saves the last whole round."""

    def __init__(
        self,
        grid: Grid,
        folder: RunFolder,
        scenario: Scenario,
        on_round: OnRound = lambda record: None,
        on_evaluated: OnAnswer = lambda done, clients: None,
    ) -> None:
        self.grid, self.folder, self.scenario = grid, folder, scenario
        self.on_round, self.on_evaluated = on_round, on_evaluated
        self.federation = Federation(scenario, scenario.run_id(), folder.server_state)
        self.logs = {"rounds": JsonLines(folder.rounds), "clients": JsonLines(folder.clients)}
        self._pace: Pace = (
            Lockstep(
                self.federation,
                self._exchange,
                Troubles(scenario.faults, scenario.run.seed),
                self._in_turns,
            )
            if scenario.run.mode == "lockstep"
            else Buffered(self.federation, self._exchange_buffered)
        )
        self.mark = self._restore()
        self._saved = self.mark.state.round
        self._validation: list[float | None] = [
            record.get("validation_score") for record in read_lines(folder.rounds)
        ]
        self._simulated = records.simulated_total(read_lines(folder.rounds)) or 0.0

    def run(self) -> int:
        """Train the rounds that are left, evaluate, and write the results to the run folder.

        Returns how many clients the final evaluation lacks. Raises TooFewRepliesError when a round, or the
        final evaluation, misses its quorum.
        """
        every = self.scenario.run.checkpoint_every
        with one_thread():
            try:
                while not self._over():
                    self._round(self.mark.state.round + 1)
                    if self.mark.state.round % every == 0:
                        self._checkpoint()
                        self._keep()
                if self.mark.state.round > self._saved:
                    self._checkpoint()
                self._pace.close()
                return self._final()
            finally:
                self._pace.close()
                if self.mark.state.round > self._saved:
                    self._checkpoint()
                for log in self.logs.values():
                    log.close()

    def _over(self) -> bool:
        """Whether no round is left: decided by the log alone, so that a resumed run ends where it would
        have."""
        run = self.scenario.run
        if self.mark.state.round >= run.rounds:
            return True
        score = self.federation.experiment.score
        return run.patience is not None and out_of_patience(score, self._validation, run.patience)

    def _round(self, round: int) -> None:
        started = time.perf_counter()
        floor = min(map(self._pace.floor, retained_rounds(self.folder.checkpoints)), default=0)
        played, outcome, elapsed = self._pace.play(round, floor, self._simulated)
        self._record(played, outcome, elapsed, started)

    def _record(self, played: Round, outcome: Outcome, elapsed: Elapsed | None, started: float) -> None:
        """Write what there is to say of a round that is committed; it then counts as whole."""
        experiment = self.federation.experiment
        for reply in outcome.accepted:
            self.logs["clients"].append(records.client_record(played.number, reply, experiment.prunable))
        record = records.round_record(
            played.number,
            played.clients,
            outcome,
            experiment.prunable,
            experiment.score,
            self._global_score() if played.evaluate else None,
            elapsed,
        )
        self._simulated = elapsed.total if elapsed else 0.0
        record |= {"unavailable": self.federation.unavailable}
        record |= {"seconds": time.perf_counter() - started, "time": time.time()}
        self.logs["rounds"].append(record)
        self._validation.append(record["validation_score"])
        self.mark = self._marked()
        self.on_round(record)

    def _in_turns(self, clients: Sequence[int]) -> Sequence[int]:
        """A round's clients in the order in which they are best asked."""
        return self.grid.longest_first(clients) if isinstance(self.grid, StreamingGrid) else clients

    def _exchange(self, conversations: Iterable[Conversation]) -> Iterator[tuple[Conversation, Incoming]]:
        experiment = self.federation.experiment
        expected = experiment.strategy.part(experiment.travelling, "up", self.mark.state.round + 1)
        each = Bounds(seconds=self.scenario.engine.timeout, reply_bytes=reply_limit(expected))
        return exchange(self.grid, self._nodes, conversations, Limits(self.scenario.engine.timeout, each))

    @cached_property
    def _nodes(self) -> Sequence[int]:
        """The clients' nodes, all of which are connected at the run's first exchange. One that is not later
        on costs its own client."""
        return node_ids(self.grid, self.federation.experiment.partition.clients)

    def _exchange_buffered(self, conversations: Iterable[Conversation | None]) -> Replies:
        experiment = self.federation.experiment
        expected = experiment.strategy.part(experiment.travelling, "up", self.mark.state.round + 1)
        each = Bounds(seconds=self.scenario.engine.timeout, reply_bytes=reply_limit(expected))
        # It lasts as long as the run.
        return exchange(self.grid, self._nodes, conversations, Limits(each=each))

    def _final(self) -> int:
        """Evaluate clients, each in its last personal model, what it receives, and that after local training;
        how many are missing."""
        experiment, rounds = self.federation.experiment, read_lines(self.folder.rounds)
        evaluated = FinalEvaluation(
            self.federation,
            self.folder,
            records.rounds_accepted(rounds),
            exchange_with_all(self.grid, self.federation, self._nodes),
            self.on_evaluated,
        ).run()
        self.folder.write_final_clients(evaluated.rows)
        self.folder.write_final("weights", dict(self.federation.state.weights))
        versions = self.federation.state.versions
        for client in filter(versions.__contains__, asked(self.scenario)) if experiment.maskable else ():
            self.folder.write_final(f"mask-{client}", dict(self.federation.mask(client)))
        score, chance = experiment.score, experiment.chance
        results = records.results(
            self.scenario,
            score,
            chance,
            evaluated,
            rounds,
            self._global_score(),
            experiment.chain.attackers,
        )
        self.folder.write_results({**results, **privacy_record(self.scenario, experiment, rounds)})
        if not evaluated.missing:
            self.folder.evaluated.unlink(missing_ok=True)
        return len(evaluated.missing)

    def _global_score(self) -> float | None:
        """The global model, unmasked, on the whole test set; None where there is none."""
        weights, experiment = self.federation.global_model(), self.federation.experiment
        if weights is None:
            return None
        state = experiment.state(weights, Mask())
        parts = [
            experiment.trainer.scored(ScoreRequest(state, samples)) for samples in experiment.all_testing()
        ]
        return sum(total for total, _ in parts) / sum(count for _, count in parts)

    def _restore(self) -> Mark:
        """The last checkpoint that can be gone on from, with the logs cut back to it."""
        saved = latest_checkpoint(self.folder.checkpoints, self.folder.identity, self._check)
        offsets = dict.fromkeys(self.logs, 0)
        if saved is not None:
            self.federation.state = state_of(saved.arrays, saved.round)
            self._pace.restore(saved.arrays)
            offsets = saved.meta["offsets"]
        for name, log in self.logs.items():
            log.truncate(offsets[name])
        return self._marked()

    def _check(self, saved: Checkpoint) -> None:
        """Raises RunError when what a checkpoint builds upon is damaged: the logs, or a client's state.

        Going on from the one before it then gives the same bits.
        """
        for name, digest in saved.meta.get("digests", {}).items():
            self.logs[name].check(saved.meta["offsets"][name], digest)
        versions: Mapping[int, int] = state_of(saved.arrays, saved.round).versions
        if len(versions) > CHECKED:
            earlier = [round for round in retained_rounds(self.folder.checkpoints) if round < saved.round]
            since = max(earlier, default=0)
            versions = {client: version for client, version in versions.items() if version > since}
        for store in (self.folder.client_state, self.folder.server_state):
            for client, version in () if store.is_empty() else versions.items():
                store.check(client, version)

    def _marked(self) -> Mark:
        logs = self.logs.items()
        offsets, digests = {name: log.offset for name, log in logs}, {name: log.digest for name, log in logs}
        return Mark(self.federation.state, offsets, digests, self._pace.under_way())

    def _checkpoint(self) -> None:
        mark, folder = self.mark, self.folder
        meta = {"offsets": mark.offsets, "digests": mark.digests}
        arrays = arrays_of(mark.state) | mark.under_way
        save_checkpoint(folder.checkpoints, folder.identity, mark.state.round, arrays, meta)
        self._saved = mark.state.round

    def _keep(self) -> None:
        """The global model of this round, for studies of the run, where the scenario asks for it."""
        if self.scenario.run.keep_history and (weights := self.federation.global_model()) is not None:
            self.folder.history.save(self.mark.state.round, weights)
