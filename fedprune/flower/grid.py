"""``BytesGrid``: the server's half, around the grid of any Flower ServerApp."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from fedprune.federation.flower.private import CRASHED, LATE, RAISED, Run, error_reply
from fedprune.flower.account import Account
from fedprune.flower.coding import decode
from fedprune.flower.order import Order
from fedprune.types import UserError
from fedprune.wire.errors import CodecError

if TYPE_CHECKING:
    from fedprune.library import Codec


class BytesGrid(Grid):
    """Counts the messages of another grid and decodes the replies: ``strategy.start(BytesGrid(grid), ...)``.

    A reply that the codec refuses becomes one with an error, as if its client had failed. When that happens
    to every reply to an exchange, ``send_and_receive`` raises UserError.
    """

    def __init__(self, grid: Grid, codec: Codec | None = None) -> None:
        """``codec`` is the same as the clients' ``BytesMod`` has; None to count only."""
        self.account = Account()
        """The messages of all clients."""
        self._grid, self._codec = grid, codec
        self._open: dict[str, tuple[Message, Order]] = {}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """See Grid."""
        orders = list(messages)
        pushed = list(self._grid.push_messages(orders))
        self._count(orders)
        return pushed

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """See Grid."""
        return [self._taken(reply) for reply in self._grid.pull_messages(message_ids)]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """See Grid. Raises UserError when the codec refuses every reply that came."""
        orders = list(messages)
        replies = list(self._grid.send_and_receive(orders, timeout=timeout))
        self._count(orders)
        taken = [self._taken(reply) for reply in replies]
        # Of what stays open here no reply came in time, and none will be asked for.
        for order in orders:
            self._open.pop(order.metadata.message_id, None)
        refused = [new for old, new in zip(replies, taken, strict=True) if new.has_error() and old is not new]
        if refused and all(reply.has_error() for reply in taken):
            raise UserError(f"{refused[0].error.reason}; do clients and server have the same codec?")
        return taken

    def _count(self, messages: list[Message]) -> None:
        # Only once they were sent: a message gets its id, which travels, from the grid that takes it.
        for message in messages:
            order = Order.of(message)
            self.account.add("down", order, message)
            self._open[message.metadata.message_id] = message, order

    def _taken(self, reply: Message) -> Message:
        """The reply counted and decoded, or in its place one with the error that the codec found."""
        message, order = self._open.pop(reply.metadata.reply_to_message_id, (None, None))
        if message is None or order is None:
            return reply
        # In place of a reply that never came the grid makes one itself.
        if not (reply.has_error() and reply.error.code in (CRASHED, LATE)):
            self.account.add("up", order, reply)
        if self._codec is not None and reply.has_content():
            try:
                reply.content = decode(self._codec, order, reply.content)
            except CodecError as error:
                return error_reply(message, RAISED, f"reply of node {order.node}: {error}")
        return reply

    def set_run(self, run: Run) -> None:
        """See Grid."""
        self._grid.set_run(run)

    @property
    def run(self) -> Run:
        """See Grid."""
        return self._grid.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """See Grid."""
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> Iterable[int]:
        """See Grid."""
        return self._grid.get_node_ids()

    def get_nodes(self) -> Any:
        """See Grid."""
        return self._grid.get_nodes()
