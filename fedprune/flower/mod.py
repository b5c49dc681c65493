"""``BytesMod``: the client's half, a mod for any Flower ClientApp."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flwr.app import Context, Message
from flwr.clientapp.typing import ClientAppCallable

from fedprune.flower.account import Account
from fedprune.flower.coding import encode
from fedprune.flower.order import Order

if TYPE_CHECKING:
    from fedprune.library import Codec

log = logging.getLogger("fedprune.flower")


class BytesMod:
    """Counts what a client receives and sends, and codes its replies: ``ClientApp(mods=[BytesMod(codec)])``.

    Mods see a message from the outside in: what stands before this one in the list sees coded replies.
    """

    def __init__(self, codec: Codec | None = None) -> None:
        """``codec`` is for the floats of replies, the same as the server's; None to count only."""
        self.account = Account()
        """The messages of all nodes that this process served; the server's has those of all processes."""
        self._codec = codec

    def __call__(self, message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        """See Flower's mods. Raises UserError where a reply does not have the arrays of its order."""
        # Before the app, which may change what it was given.
        order = Order.of(message)
        down = self.account.add("down", order, message)
        reply = call_next(message, context)
        if self._codec is not None and reply.has_content():
            reply.content = encode(self._codec, order, reply.content)
        up = self.account.add("up", order, reply)
        log.info("node %d, round %s, %s: %s down, %s up", order.node, order.round, order.kind, down, up)
        return reply
