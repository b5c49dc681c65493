"""``FlowerStrategy``: the federation behind Flower's own Strategy interface, messages in place of blobs.

Flower's stock loop (``start``) drives it as well as ours does; ours adds checkpoints, evaluation and the run
folder.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from fedprune.federation.flower.client_app import KEY, RECORD, content
from fedprune.federation.flower.private import wire_size
from fedprune.federation.protocol.messages import Phase
from fedprune.federation.server.round import Federation, Incoming, Outgoing
from fedprune.types import UserError
from fedprune.wire.account import Bytes, measure

NODES_WAIT_S = 120.0
NODES_PATIENCE_S = 3.0
"""So long a wait for nodes is silent."""

log = logging.getLogger("fedprune")


class FlowerStrategy(Strategy):
    """One round at a time: ``configure_train`` gives the messages, ``aggregate_train`` takes the replies.

    Our own loop needs more of a round than these hooks give: it takes ``messages`` and ``incoming``.
    """

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self._sent: dict[int, tuple[Outgoing, Message]] = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Messages to this round's sampled clients; the weights sent are the federation's, not ``arrays``."""
        clients = self.federation.sample(server_round)
        evaluate = self.federation.evaluates(server_round)
        return self.messages(server_round, clients, grid, "train", evaluate=evaluate)

    def messages(
        self,
        round: int,
        clients: Sequence[int],
        grid: Grid,
        phase: Phase,
        *,
        evaluate: bool,
        floor: int = 0,
    ) -> list[Message]:
        """One message per client; client i is the i-th smallest node id. ``floor``: see Order."""
        nodes = node_ids(grid, self.federation.experiment.partition.clients)
        orders = self.federation.orders(round, clients, floor=floor, evaluate=evaluate, phase=phase)
        self._sent = {}
        for order in orders:
            message = Message(
                content(order.blob),
                dst_node_id=nodes[order.client],
                message_type="train",
                group_id=str(round),
            )
            self._sent[nodes[order.client]] = (order, message)
        return [message for _, message in self._sent.values()]

    def incoming(self, replies: Iterable[Message]) -> list[Incoming]:
        """One entry for each reply, or for each message without one, in the order of the messages."""
        by_node: dict[int, list[Message | None]] = {}
        for reply in replies:
            by_node.setdefault(reply.metadata.src_node_id, []).append(reply)
        entries = []
        for node, (order, message) in self._sent.items():
            down = measure(order.parts, wire_size(message))
            for answer in by_node.get(node, [None]):
                entries.append(_incoming(order.client, down, answer))
                # The order went down once, however many replies came of it.
                down = Bytes()
        return entries

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The new global weights, how many replies count, and their bytes.

        Raises TooFewRepliesError below the quorum.
        """
        outcome = self.federation.conclude(server_round, self.incoming(replies))
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


def node_ids(grid: Grid, needed: int) -> list[int]:
    """The smallest ``needed`` node ids, sorted; waits a while for nodes that are still connecting.

    Raises UserError when they do not come.
    """
    began, told = time.monotonic(), False
    while len(nodes := sorted(grid.get_node_ids())) < needed:
        waited = time.monotonic() - began
        if waited > NODES_WAIT_S:
            raise UserError(
                f"{len(nodes)} nodes are connected, [partition] clients = {needed} needs as many; start more "
                f'(flwr run: --federation-config "num-supernodes={needed}")'
            )
        if waited > NODES_PATIENCE_S and not told:
            log.warning("waiting for nodes: %d of %d are connected", len(nodes), needed)
            told = True
        time.sleep(0.2)
    return nodes[:needed]


def _incoming(client: int, down: Bytes, reply: Message | None) -> Incoming:
    if reply is None:
        return Incoming(client, None, "no reply in time", down, 0)
    if reply.has_error():
        return Incoming(client, None, reply.error.reason or "no reason given", down, wire_size(reply))
    record = reply.content.config_records.get(RECORD)
    blob = record.get(KEY) if record is not None else None
    if not isinstance(blob, bytes):
        return Incoming(client, None, "a reply without a blob", down, wire_size(reply))
    return Incoming(client, blob, "", down, wire_size(reply))
