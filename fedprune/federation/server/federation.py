"""``Federation``: the server of one run between its rounds: its state, and what it keeps of each client."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fedprune.aggregation import Combiner
from fedprune.clocks import Clock, Rates
from fedprune.faults import strikes
from fedprune.faults.availability import availability_of, soonest
from fedprune.federation.experiment import open_experiment
from fedprune.federation.protocol.memory import ServerMemory
from fedprune.federation.server.conversation import Accepted
from fedprune.federation.server.outliers import least_norms
from fedprune.federation.server.state import ServerState
from fedprune.pruning.mask import Mask
from fedprune.runs.store import VersionedStore
from fedprune.scenario import Scenario
from fedprune.seeds import generator
from fedprune.strategy import Server
from fedprune.types import Arrays, Bools


class Federation:
    """The server of one run; ``state`` is that after its last whole round."""

    def __init__(self, scenario: Scenario, run: str, memories: VersionedStore) -> None:
        """Describe the server before its first round.

        Args:
            scenario: the run's settings.
            run: names the run to its clients, whatever its folder is called.
            memories: where the server keeps what it knows of each client.
        """
        self.scenario, self.run = scenario, run
        self.settings = scenario.client_settings()
        self.experiment = open_experiment(self.settings, scenario.data.root)
        self._memories = memories
        self.least_norms = least_norms(self.experiment.travelling, self.experiment.initial)
        # What clients are told does not say how the server combines.
        self._combiner = Combiner(
            scenario.aggregate.made(),
            scenario.server_optimizer.made(),
            self.experiment.architecture.statistics,
        )
        self._clock: Clock | None = scenario.clock.made()
        self._availability = availability_of(scenario)
        self._there: Bools | None = None
        self.state = ServerState(round=0, weights=self.experiment.initial)
        server = self.server(0)
        self.state = ServerState(0, self.experiment.strategy.begin(server), server.memory)

    def wait(self, now: float) -> float:
        """When somebody can be sampled, in simulated seconds from ``now`` on; ``sample`` then draws from
        those who are there at that moment."""
        if self._availability is None:
            return now
        moment = soonest(self._availability, now)
        self._there = self._availability.there(moment)
        return moment

    @property
    def unavailable(self) -> int:
        """How many clients cannot be sampled at the moment."""
        return 0 if self._there is None else int(np.count_nonzero(~self._there))

    def sample(self, round: int) -> list[int]:
        """This round's clients, sorted: of those who are there, as many as it takes."""
        run = self.scenario.run
        rng = generator(run.seed, "sampling", round=round)
        every = self.scenario.partition.clients
        there = every if self._there is None else np.flatnonzero(self._there)
        asked = min(self.scenario.faults.asked(run.clients_per_round), every - self.unavailable)
        return sorted(int(client) for client in rng.choice(there, asked, replace=False))

    def evaluates(self, round: int) -> bool:
        """Whether clients are tested in this round."""
        every = self.scenario.evaluate.every
        return bool(every) and round % every == 0

    def rates(self, client: int, round: int) -> Rates | None:
        """How fast a client is in a round, by the scenario's ``[clock]``; None without one."""
        if self._clock is None:
            return None
        faults, seed = self.scenario.faults, self.scenario.run.seed
        rates = self._clock.rates(client, round, seed)
        slow = strikes("stragglers", faults.stragglers, seed=seed, round=round, client=client)
        return rates.slower(faults.slowdown) if slow else rates

    def server(self, round: int, recipient: int = 0) -> Server:
        """What a strategy's hooks see of the server in this round; what they change is theirs alone.

        ``recipient`` is the client that an order is made for.
        """
        experiment, state = self.experiment, self.state
        return Server(
            state.weights,
            dict(state.memory),
            round,
            experiment.initial,
            experiment.architecture.prunable,
            self._combiner,
            dict(state.moments),
            self.scenario.run.rounds,
            experiment.architecture.groups,
            self.scenario.partition.clients,
            recipient,
        )

    def at(self, state: ServerState) -> Federation:
        """This server as it would be in another state, with the clients as they are."""
        other = copy.copy(self)
        other.state = replace(state, versions=self.state.versions)
        return other

    def memory(self, client: int) -> ServerMemory:
        """What the server keeps of a client."""
        if not self._keeps_memories:
            return ServerMemory()
        return ServerMemory.load(self._memories, client, self.state.versions.get(client, 0))

    def mask(self, client: int) -> Mask:
        """The mask that both this client and the server know; empty when it never sent one."""
        return self.memory(client).shared.mask

    def global_model(self) -> Arrays | None:
        """The weights that a newcomer would be handed; None where the server has no whole model."""
        experiment, round = self.experiment, self.state.round + 1
        sent_down = experiment.strategy.part(experiment.travelling, "down", round)
        if not set(experiment.architecture.prunable) <= set(sent_down):
            return None
        return {**experiment.initial, **experiment.strategy.global_model(self.server(round))}

    def identity(self) -> str:
        """The run, its round and its weights, in a line: what is said about these is about no others."""
        digest = hashlib.sha256()
        for name in sorted(self.state.weights):
            digest.update(name.encode() + self.state.weights[name].tobytes())
        return f"{self.scenario.run_id()} after round {self.state.round}: {digest.hexdigest()}"

    def commit(
        self, round: int, weights: Arrays, server: Server, accepted: Sequence[Accepted], floor: int
    ) -> None:
        """Make a round's results the state.

        Args:
            round: the round that is whole.
            weights: the next global weights.
            server: what the strategy aggregated with: its memory is kept.
            accepted: the replies that count; what they say of their clients is kept.
            floor: the oldest round that a retained checkpoint can resume from.

        What is kept of a client is the version of the round that its order was of.
        """
        versions, newer = self.state.versions, dict[int, int]()
        # Under floor 0 only what was rejected goes.
        oldest = 0 if self.scenario.run.keep_history else floor
        for reply in accepted:
            client = reply.report.client
            if reply.report.kept:
                self._memories.collect(client, versions.get(client, 0), oldest)
                if self._keeps_memories:
                    self._memories.save(client, reply.report.round, reply.memory.arrays())
                newer[client] = reply.report.round
        versions = versions.with_newer(newer)
        self.state = ServerState(round, weights, server.memory, server.moments, versions)

    @property
    def _keeps_memories(self) -> bool:
        up, down = self.experiment.uplink, self.experiment.downlink
        return bool(self.experiment.maskable) or up.base == "tracked" or down.uses_held or down.remembers
