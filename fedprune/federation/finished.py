"""A complete run as its federation left it: the server, and what each client has, read from the run's folder.

Nothing here writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fedprune.federation.protocol.memory import ClientMemory
from fedprune.pruning.mask import Mask
from fedprune.runs.checkpoint import Checkpoint, latest_checkpoint
from fedprune.runs.code import check_code
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.runs.personal import personal_store, personalized_as
from fedprune.runs.table import scenario_of
from fedprune.scenario import Scenario
from fedprune.types import Arrays

if TYPE_CHECKING:
    from fedprune.federation.experiment import Experiment
    from fedprune.federation.server.federation import Federation


@dataclass(frozen=True, eq=False)
class Held:
    """A client's model before anything is done to it after the last round."""

    weights: Arrays
    """In full coordinates, float32, zero where pruned."""
    mask: Mask
    """What lives; a weight without an entry is dense."""


@dataclass(frozen=True)
class FinishedFederation:
    """A complete run folder; data and models are loaded when first asked for."""

    folder: RunFolder

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises RunError when there is no complete run at ``path``."""
        folder = RunFolder.open(path)
        state = folder.read_status().get("state")
        if state != "complete":
            raise RunError(f"{path} is {state}, not complete; finish it with: fedprune resume {path}")
        return cls(folder)

    @cached_property
    def scenario(self) -> Scenario:
        """The run's settings, as they are written in its folder."""
        check_code(self.folder, changed=True)
        return Scenario.from_dict(scenario_of(self.folder))

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.scenario.run.seed

    @cached_property
    def round(self) -> int:
        """The run's last round."""
        return self.last.round

    @cached_property
    def versions(self) -> dict[int, int]:
        """Client -> round of the last version of its state that counts; clients never sampled are absent."""
        return {int(client): int(version) for client, version in self.last.arrays["versions"]}

    @cached_property
    def experiment(self) -> Experiment:
        """Data, model and strategy of the run."""
        from fedprune.federation.experiment import open_experiment

        return open_experiment(self.scenario.client_settings(), self.scenario.data.root)

    @cached_property
    def last(self) -> Checkpoint:
        """The checkpoint after the last round. Raises RunError when there is none."""
        found = latest_checkpoint(self.folder.checkpoints, self.folder.identity)
        if found is None:
            raise RunError(f"{self.folder.path} holds no checkpoint; start the run again with --force")
        return found

    @cached_property
    def server(self) -> Federation:
        """The server after the last round."""
        return self.server_after(self.last)

    def server_after(self, checkpoint: Checkpoint) -> Federation:
        """The server as it was at a checkpoint."""
        from fedprune.federation.server.federation import Federation
        from fedprune.federation.server.state import state_of

        server = Federation(self.scenario, self.folder.path.name, self.folder.server_state)
        server.state = state_of(checkpoint.arrays, checkpoint.round)
        return server

    def kept(self, client: int) -> ClientMemory:
        """What the client keeps since the last round that counted; empty if it never took part.

        Raises RunError when its state is missing, as where clients keep theirs elsewhere, or damaged.
        """
        return ClientMemory.load(self.folder.client_state, client, self.versions.get(client, 0))

    def held(self, client: int) -> Held:
        """The client's own last model where its method keeps one, else what it would be sent now.

        The second is what the final evaluation scores as ``test_score_received``: the server's order, encoded
        and decoded, merged with what the client kept. Raises RunError for a client that there is none of.
        """
        from fedprune.federation.client.local import LocalRound
        from fedprune.federation.protocol.link import Link
        from fedprune.federation.protocol.messages import Order, read
        from fedprune.federation.server.round import Round

        clients = self.experiment.partition.clients
        if not 0 <= client < clients:
            raise RunError(f"{self.folder.path}: no client {client}; it has clients 0 to {clients - 1}")
        kept = self.kept(client)
        (conversation,) = Round(self.server, self.round + 1, [client], phase="final").orders()
        order, parts = read(Order, conversation.order)
        received = Link(self.experiment, client, order.round, kept.shared).receive_down(parts)
        local = LocalRound(self.experiment, order, kept, received.mask)
        local.receive(received.arrays)
        return Held(*local.held())

    def chosen(self, client: int) -> Held:
        """The model that the client chose after the last round. Raises RunError when there is none."""
        if not personalized_as(self.folder):
            raise RunError(
                f"{self.folder.path}: no client has personalized its model; let them with: "
                f"fedprune personalize {self.folder.path}"
            )
        memory = ClientMemory.load(personal_store(self.folder), client, self.round + 1)
        return Held(memory.weights, memory.mask)
