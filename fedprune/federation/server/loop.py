"""The server's round loop: sample, send, collect, aggregate, record, checkpoint; at its end, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flwr.app import Message
from flwr.serverapp import Grid

from fedprune.compute.early_stopping import out_of_patience
from fedprune.compute.evaluate import accuracy
from fedprune.compute.model import LocalModel
from fedprune.compute.threads import one_thread
from fedprune.federation.flower.adapter import FlowerStrategy
from fedprune.federation.server import records
from fedprune.federation.server.round import Federation, State
from fedprune.pruning.mask import Mask
from fedprune.runs.checkpoint import latest_checkpoint, retained_rounds, save_checkpoint
from fedprune.runs.folder import RunFolder
from fedprune.runs.history import History
from fedprune.runs.log import JsonLines, read_lines
from fedprune.scenario import Scenario
from fedprune.types import Arrays

FINAL_CHUNK = 50
"""Clients evaluated at a time at the end, so that memory does not grow with the clients that exist."""

OnRound = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Mark:
    """A whole round: the state after it, and how long the logs were then."""

    state: State
    offsets: dict[str, int]


class Rounds:
    """One run from its last checkpoint to its results; interrupted, it saves the last whole round."""

    def __init__(self, grid: Grid, folder: RunFolder, scenario: Scenario, on_round: OnRound) -> None:
        self.grid, self.folder, self.scenario, self.on_round = grid, folder, scenario, on_round
        self.federation = Federation(scenario, folder.path.name, folder.server_state)
        self.adapter = FlowerStrategy(self.federation)
        self.logs = {"rounds": JsonLines(folder.rounds), "clients": JsonLines(folder.clients)}
        self.mark = self._restore()
        self._saved = self.mark.state.round
        self._validation: list[float | None] = [
            record.get("validation_accuracy") for record in read_lines(folder.rounds)
        ]

    def run(self) -> None:
        """Train the rounds that are left, evaluate, and write the results to the run folder."""
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
                self._final()
            finally:
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
        return run.patience is not None and out_of_patience(self._validation, run.patience)

    def _round(self, round: int) -> None:
        started = time.perf_counter()
        federation, prunable = self.federation, self.federation.experiment.prunable
        clients, evaluate = federation.sample(round), federation.evaluates(round)
        floor = min(retained_rounds(self.folder.checkpoints), default=0)
        messages = self.adapter.messages(round, clients, self.grid, "train", evaluate=evaluate, floor=floor)
        outcome = federation.conclude(round, self.adapter.incoming(self._exchange(messages)), floor)
        for reply in outcome.accepted:
            self.logs["clients"].append(records.client_record(round, reply, prunable))
        global_accuracy = self._global_accuracy() if evaluate else None
        record = records.round_record(round, clients, outcome, prunable, global_accuracy)
        record |= {"seconds": time.perf_counter() - started, "time": time.time()}
        self.logs["rounds"].append(record)
        self._validation.append(record["validation_accuracy"])
        self.mark = Mark(federation.state, {name: log.offset for name, log in self.logs.items()})
        self.on_round(record)

    def _exchange(self, messages: Sequence[Message]) -> Iterable[Message]:
        return self.grid.send_and_receive(messages, timeout=self.scenario.engine.timeout)

    def _final(self) -> None:
        """Evaluate every client: its last personal model, what it receives, and that after local training."""
        round, experiment = self.mark.state.round + 1, self.federation.experiment
        rows: list[dict[str, Any]] = []
        for start in range(0, experiment.partition.clients, FINAL_CHUNK):
            clients = range(start, min(start + FINAL_CHUNK, experiment.partition.clients))
            messages = self.adapter.messages(round, clients, self.grid, "final", evaluate=True)
            outcome = self.federation.sift(
                round, self.adapter.incoming(self._exchange(messages)), expected={}
            )
            rows += [records.final_record(reply, experiment) for reply in outcome.accepted]
        self.folder.write_final_clients(rows)
        self.folder.write_final("weights", dict(self.federation.state.weights))
        for client in self.federation.state.known if experiment.maskable else ():
            self.folder.write_final(f"mask-{client}", dict(self.federation.mask(client)))
        self.folder.write_results(
            records.results(self.scenario, rows, read_lines(self.folder.rounds), self._global_accuracy())
        )

    def _global_accuracy(self) -> float | None:
        """The global model, unmasked, on the whole test set; None where there is none."""
        weights, experiment = self.federation.global_model(), self.federation.experiment
        if weights is None:
            return None
        module = LocalModel(experiment.architecture, weights, Mask()).module
        right = sum(accuracy(module, x, y) * len(y) for x, y in experiment.all_testing())
        return right / len(experiment.dataset.test_y)

    def _restore(self) -> Mark:
        """The last checkpoint, with the logs cut back to it."""
        saved = latest_checkpoint(self.folder.checkpoints)
        offsets = dict.fromkeys(self.logs, 0)
        if saved is not None:
            self.federation.state = state_of(saved.arrays, saved.round)
            offsets = saved.meta["offsets"]
        for name, log in self.logs.items():
            log.truncate(offsets[name])
        return Mark(self.federation.state, offsets)

    def _checkpoint(self) -> None:
        state = self.mark.state
        save_checkpoint(
            self.folder.checkpoints, state.round, arrays_of(state), {"offsets": self.mark.offsets}
        )
        self._saved = state.round

    def _keep(self) -> None:
        """The global model of this round, for studies of the run, where the scenario asks for it."""
        if self.scenario.run.keep_history and (weights := self.federation.global_model()) is not None:
            History(self.folder.path / "history").save(self.mark.state.round, weights)


def arrays_of(state: State) -> Arrays:
    """A state as named arrays, for a checkpoint."""
    known = sorted(state.known.items())
    return {
        **{f"weights:{name}": value for name, value in state.weights.items()},
        **{f"memory:{name}": value for name, value in state.memory.items()},
        **{f"moments:{name}": value for name, value in state.moments.items()},
        "known": np.array(known, np.int64).reshape(-1, 2),
    }


def state_of(arrays: Arrays, round: int) -> State:
    """Inverse of ``arrays_of``."""

    def room(name: str) -> Arrays:
        return {key.split(":", 1)[1]: value for key, value in arrays.items() if key.startswith(f"{name}:")}

    known = {int(client): int(version) for client, version in arrays["known"]}
    return State(round, room("weights"), room("memory"), room("moments"), known)
