"""A finished run as the studies see it: its clients' masks and weights, its labels, its data. Only reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fedprune.federation.finished import FinishedFederation
from fedprune.federation.protocol.memory import ServerMemory
from fedprune.pruning.mask import Mask
from fedprune.runs.checkpoint import load_checkpoint, retained_rounds
from fedprune.runs.files import read_json
from fedprune.runs.log import read_lines
from fedprune.runs.task import read_score
from fedprune.score import Score
from fedprune.seeds import generator
from fedprune.types import Array, Arrays, Bools, UserError

Record = dict[str, Any]


class NothingToStudyError(UserError):
    """A study that this run does not hold the matter for; its message is the reason, one line."""


@dataclass(frozen=True)
class FinishedRun(FinishedFederation):
    """A complete run, with what studies read of all its clients."""

    @cached_property
    def masks(self) -> dict[int, Mask]:
        """Client -> the mask of its personal model, whole, for those evaluated at the end that have one.

        Raises NothingToStudyError when fewer than three have.
        """
        from fedprune.federation.server.final import asked

        versions = self.versions
        found = {client: self._mask(client) for client in asked(self.scenario) if client in versions}
        found = {client: mask for client, mask in found.items() if mask.size}
        if len(found) < 3:
            raise NothingToStudyError(f"{len(found)} clients of this run have a mask; at least 3 are needed")
        return found

    @cached_property
    def clients(self) -> list[int]:
        """The clients that have a mask, ascending."""
        return list(self.masks)

    @cached_property
    def layers(self) -> dict[str, Bools]:
        """Prunable weight -> bools (clients, entries), in the order of ``clients``; unpruned weights are left
        out."""
        names = read_lines(self.folder.rounds)[-1]["density_layers"]
        masks = list(self.masks.values())
        stacked = {
            name: np.stack([mask[name].reshape(-1) for mask in masks])
            for name in names
            if all(name in mask for mask in masks)
        }
        pruned = {name: kept for name, kept in stacked.items() if not kept.all()}
        if not pruned:
            raise NothingToStudyError("no weight of this run was pruned")
        return pruned

    @cached_property
    def reports(self) -> dict[int, list[Record]]:
        """Client -> the lines of clients.jsonl that are its own, by round."""
        found: dict[int, list[Record]] = {}
        for line in read_lines(self.folder.clients):
            found.setdefault(line["client"], []).append(line)
        return found

    @cached_property
    def score(self) -> Score:
        """What the run's scores measure, in which unit, and which way is better."""
        return read_score(self.folder.path)

    @cached_property
    def has_classes(self) -> bool:
        """Whether each sample of the data has a class, so that clients have ``labels``."""
        return bool(self._partition["labels"] == "class")

    @cached_property
    def labels(self) -> Array:
        """int64 (clients, labels): training samples of each label, in the order of ``clients``.

        Raises NothingToStudyError when samples have no classes.
        """
        if not self.has_classes:
            raise NothingToStudyError("samples of this run have no classes, so that clients have no labels")
        listed = [client["labels"] for client in self._partition["clients"]]
        held = [
            # Of many clients the manifest lists only some.
            listed[client] if client < len(listed) else self.experiment.partition.counts(client)
            for client in self.clients
        ]
        count = 1 + max(int(label) for labels in [*listed, *held] for label in labels)
        table = np.zeros((len(held), count), np.int64)
        for row, labels in enumerate(held):
            for label, samples in labels.items():
                table[row, int(label)] = samples
        return table

    def sample(self, size: int) -> list[int]:
        """So many clients that have a mask and test data, drawn by the run's seed; ascending."""
        tested = [client for client in self.clients if len(self.experiment.partition.test(client))]
        rng = generator(self.seed, "tickets clients")
        return sorted(int(client) for client in rng.permutation(tested)[:size])

    def rows(self, clients: list[int]) -> list[int]:
        """The place of each of these clients in ``self.clients``, as a row of ``layers`` or ``labels``."""
        return [self.clients.index(client) for client in clients]

    @cached_property
    def origin(self) -> Arrays | None:
        """The server's last weights as a newcomer gets them; None where the server has no whole model."""
        return self.server.global_model()

    @property
    def received(self) -> Arrays:
        """The server's last weights as a newcomer gets them: what a client trains from.

        Raises NothingToStudyError where the server has no whole model.
        """
        if self.origin is None:
            raise NothingToStudyError("the server of this run holds no whole model")
        return self.origin

    def personal(self, client: int) -> Arrays | None:
        """The client's own trained weights; None where the method keeps none."""
        kept = self.kept(client)
        return {**self.experiment.initial, **kept.weights} if self.experiment.strategy.keeps_model else None

    @cached_property
    def early(self) -> tuple[int, Arrays] | None:
        """The earliest round before the last after which the server's weights are kept, and these."""
        kept = self.folder.history
        if rounds := kept.rounds():
            return rounds[0], kept.load(rounds[0])
        first = min(retained_rounds(self.folder.checkpoints))
        if first == self.round:
            return None
        weights = self.server_after(load_checkpoint(*self._checkpoints, first)).global_model()
        return None if weights is None else (first, weights)

    def history(self, client: int) -> dict[int, Mask]:
        """Round -> the mask that both sides knew after it, ascending; the last few unless all were kept."""
        store = self.folder.server_state
        rounds = [round for round in store.rounds(client) if round <= self.versions[client]]
        return {round: ServerMemory.load(store, client, round).shared.mask for round in rounds}

    @cached_property
    def _partition(self) -> Record:
        return dict(read_json(self.folder.path / "partition.json"))

    @property
    def _checkpoints(self) -> tuple[Path, str]:
        return self.folder.checkpoints, self.folder.identity

    def _mask(self, client: int) -> Mask:
        own = self.folder.client_state.path(client, self.versions[client])
        if own.is_file():
            return self.kept(client).mask
        # Where clients keep their state elsewhere, the server's copy is all there is.
        store, version = self.folder.server_state, self.versions[client]
        if not store.path(client, version).is_file():
            return Mask()
        return ServerMemory.load(store, client, version).shared.mask


def identity(run: FinishedRun) -> str:
    """The run and the round that results of studies belong to, as canonical JSON."""
    facts = {"run": run.folder.path.name, "settings": run.folder.settings_hash, "round": run.round}
    return json.dumps(facts, sort_keys=True)
