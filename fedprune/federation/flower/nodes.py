"""Which node of a grid is which client."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence

from flwr.serverapp import Grid

from fedprune.federation.flower.private import registered_names
from fedprune.types import UserError

NODES_WAIT_S = 120.0
NODES_PATIENCE_S = 3.0
"""So long a wait for nodes is silent."""

log = logging.getLogger("fedprune")


def node_ids(grid: Grid, needed: int) -> Sequence[int]:
    """The node ids of clients 0 to ``needed`` - 1, in their order; waits a while for nodes that are still
    connecting.

    A node that was registered under a whole number as its name is the client of that number, and stays it
    when it comes back. Where no node has such a name, client i is the node with the i-th smallest id. On a
    grid of ours they are no list, so that a round costs the same however many clients there are.

    Raises UserError when they do not come, or when two nodes are registered under one number.
    """
    if isinstance(ours := grid.get_node_ids(), range) and len(ours) >= needed:
        return ours[:needed]
    began, told = time.monotonic(), False
    while len(found := _by_client(grid, needed)) < needed:
        waited = time.monotonic() - began
        if waited > NODES_WAIT_S:
            raise UserError(_too_few(found, needed))
        if waited > NODES_PATIENCE_S and not told:
            log.warning("waiting for nodes: %d of %d are connected", len(found), needed)
            told = True
        time.sleep(0.2)
    return [found[client] for client in range(needed)]


def _by_client(grid: Grid, needed: int) -> dict[int, int]:
    """Client -> node id, of the nodes that are connected."""
    named = [(int(name), node) for node, name in registered_names(grid).items() if name.isdecimal()]
    if not named:
        return dict(enumerate(sorted(grid.get_node_ids())[:needed]))
    numbered = {client: node for client, node in named if client < needed}
    if len({client for client, _ in named}) < len(named):
        raise UserError(
            "two connected nodes are registered under one number: unregister one (flwr supernode unregister)"
        )
    return numbered


def _too_few(found: Collection[int], needed: int) -> str:
    missing = [client for client in range(needed) if client not in found]
    return (
        f"{len(found)} nodes are connected, [partition] clients = {needed} needs as many and lacks client "
        f"{missing[0]}{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}; start more (flwr run: "
        f'--federation-config "num-supernodes={needed}"), or register each under its number '
        f"(flwr supernode register KEY --name {missing[0]})"
    )
