"""What clients that attack together let the server have, in the place of what they sent.

They know what every other client sent in the round, which no real client does: the simulator lends them that
knowledge, where replies are decoded and before they are compared with each other. So a lossy codec acts on
the honest update that they trained, and bytes are counted of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fedprune.aggregation import Update
from fedprune.federation.server.outliers import Change as Reply
from fedprune.seeds import generator
from fedprune.types import Array
from fedprune.updates import Assigned, Change


def plotted(plots: Sequence[Assigned], replies: Sequence[Reply], seed: int, round: int) -> dict[int, Update]:
    """Client -> its update after all plans; only of those who take part in one.

    Args:
        plots: the stages that are planned, in order.
        replies: what counts in the round so far, sorted by client.
        seed: the run's; keys what is drawn, together with the round.
        round: its number.
    """
    found: dict[int, Update] = {}
    for number, step in enumerate(plots, start=1):
        own = [reply for reply in replies if step.concerns(reply.update.client)]
        others = [reply for reply in replies if not step.concerns(reply.update.client)]
        if not own or not others:
            continue
        rng = generator(seed, f"attack {number}", round=round)
        plans = step.stage.together([_moved(each) for each in own], [_moved(each) for each in others], rng)
        made = {each.update.client: _update(each, plan) for each, plan in zip(own, plans, strict=True)}
        replies = [replace(each, update=made.get(each.update.client, each.update)) for each in replies]
        found |= made
    return found


def _moved(reply: Reply) -> Change:
    """What a reply makes of what its client was sent, of all arrays of which something came down."""
    arrays = {
        name: value.astype(np.float64) - reply.sent[name]
        for name, value in reply.update.arrays.items()
        if name in reply.sent
    }
    return Change(reply.update.mask.apply(arrays), reply.update.mask)


def _update(reply: Reply, plan: Change) -> Update:
    """The reply's update as planned; arrays of which nothing came down stay as they are."""

    def value(name: str, own: Array) -> Array:
        if name not in plan.arrays:
            return own
        moved: Array = (reply.sent[name] + plan.arrays[name]).astype(own.dtype)
        return moved

    arrays = {name: value(name, own) for name, own in reply.update.arrays.items()}
    return replace(reply.update, arrays=plan.mask.apply(arrays), mask=plan.mask)
