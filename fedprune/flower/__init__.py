"""For any Flower app: the split account of its messages' bytes and, if asked, a codec for its replies.

``BytesMod`` is for the client's mods, ``BytesGrid`` goes around the server's grid; neither needs a scenario
or another part of fedprune. docs/flower.md shows both in an app.
"""

from fedprune.flower.account import Account, Counted
from fedprune.flower.grid import BytesGrid
from fedprune.flower.mod import BytesMod

__all__ = ["Account", "BytesGrid", "BytesMod", "Counted"]
