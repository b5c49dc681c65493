"""What goes wrong in a federation, drawn by the run's seed: each kind of trouble on its own, by client.

A draw depends on nothing but the seed, the kind of trouble, the round and the client. So a larger share
strikes whom a smaller one does and more, and both ends of a message find the same.
"""

from __future__ import annotations

from fedprune.seeds import generator


def strikes(kind: str, share: float, *, seed: int, round: int, client: int) -> bool:
    """Whether a trouble that strikes so large a share of clients strikes this one in this round."""
    return share > 0 and bool(generator(seed, f"fault {kind}", round=round, client=client).random() < share)
