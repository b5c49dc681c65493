"""``FlowerStrategy``: the federation behind Flower's own Strategy interface, messages in place of blobs.

Flower's stock loop (``start``) drives it as well as ours does; ours adds checkpoints, evaluation and the run
folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from fedprune.federation.flower.nodes import node_ids
from fedprune.federation.flower.transport import Envelopes
from fedprune.federation.server.federation import Federation
from fedprune.federation.server.round import Round, conclude
from fedprune.types import UserError


class FlowerStrategy(Strategy):
    """``configure_train`` opens a round and ``aggregate_train`` concludes it."""

    def __init__(self, federation: Federation) -> None:
        """Raises UserError for a scenario whose rounds do not wait for all their clients."""
        if (mode := federation.scenario.run.mode) != "lockstep":
            raise UserError(f'[run] mode: Flower\'s own loop waits for all clients of a round, not "{mode}"')
        self.federation = federation
        self.open: dict[int, tuple[Round, Envelopes]] = {}
        """The rounds that wait for replies, by their number."""
        self._nodes: Sequence[int] = ()

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Messages to this round's sampled clients; the weights sent are the federation's, not ``arrays``."""
        self._nodes = self._nodes or node_ids(grid, self.federation.experiment.partition.clients)
        round, envelopes = Round.sampled(self.federation, server_round), Envelopes(self._nodes)
        self.open[server_round] = round, envelopes
        return [envelopes.seal(conversation) for conversation in round.orders()]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The new global weights, how many replies count, and their bytes.

        Raises TooFewRepliesError below the quorum.
        """
        round, envelopes = self.open.pop(server_round)
        for reply in replies:
            for conversation, incoming in envelopes.opened(reply):
                conversation.take(incoming)
        for conversation, incoming in envelopes.unanswered():
            conversation.take(incoming)
        outcome = conclude(round)
        weights = {name: Array(value) for name, value in self.federation.state.weights.items()}
        up = sum(reply.bytes_up.total for reply in outcome.accepted)
        return ArrayRecord(weights), MetricRecord({"bytes_up": up, "clients": len(outcome.accepted)})

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Nothing: evaluation is folded into the train reply, one message per client and round."""
        return []

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Nothing, as nothing was asked."""
        return None

    def summary(self) -> None:
        """Nothing to add to the run folder."""
