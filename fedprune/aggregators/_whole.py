"""Clients' whole models, which may hold different coordinates: how far they are apart, and from a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fedprune.aggregators import Ballot
from fedprune.types import Array, Arrays


def everyone(ballots: Mapping[str, Ballot]) -> list[int]:
    """All clients that carry any parameter, ascending."""
    return sorted({client for ballot in ballots.values() for client in ballot.clients})


def distances(ballots: Mapping[str, Ballot], centre: Arrays) -> dict[int, float]:
    """Client -> L2 norm of its whole model minus ``centre``, over the coordinates that it holds."""
    squares = dict.fromkeys(everyone(ballots), 0.0)
    for name, ballot in ballots.items():
        for client, value, held in zip(ballot.clients, ballot.values, ballot.held, strict=True):
            away = np.subtract(value, centre[name], dtype=np.float64)
            flat = (away if held is None else np.where(held, away, 0)).reshape(-1)
            squares[client] += float(np.einsum("i,i->", flat, flat))
    return {client: float(np.sqrt(square)) for client, square in squares.items()}


def drawn_in(ballots: Mapping[str, Ballot], centre: Arrays, radius: float | None) -> dict[str, Ballot]:
    """The ballots with each whole model drawn towards ``centre`` until it is within ``radius`` of it.

    Without a radius it is the median distance, of an even number the larger one in the middle: so of two
    models none is drawn in, and less than half of the clients cannot widen it. A model within it stays as it
    is to the bit.
    """
    away = distances(ballots, centre)
    if radius is None:
        radius = sorted(away.values())[len(away) // 2]
    shares = {client: radius / norm for client, norm in away.items() if norm > radius}
    found = {}
    for name, ballot in ballots.items():
        near = centre[name].astype(np.float64)
        values = tuple(
            near + shares[client] * (value - near) if client in shares else value
            for client, value in zip(ballot.clients, ballot.values, strict=True)
        )
        found[name] = replace(ballot, values=values)
    return found


def mean_squares(ballots: Mapping[str, Ballot], clients: list[int]) -> Array:
    """Between each two clients, the mean squared difference over the coordinates that both hold.

    Returns:
        A symmetric float64 array of shape (clients, clients); infinite where two hold nothing in common, and
        0 on the diagonal.
    """
    squares, common = np.zeros((2, len(clients), len(clients)))
    for ballot in ballots.values():
        rows = np.searchsorted(clients, ballot.clients)
        held = np.array(
            [np.ones(value.shape) if mask is None else mask for value, mask in _rows(ballot)], np.float64
        ).reshape(len(rows), -1)
        # Differences from a value of the same size keep their digits in what follows.
        values = np.array([np.subtract(value, ballot.old, dtype=np.float64) for value, _ in _rows(ballot)])
        values = np.where(held > 0, values.reshape(held.shape), 0)
        own = (values * values) @ held.T
        squares[np.ix_(rows, rows)] += own + own.T - 2 * (values @ values.T)
        common[np.ix_(rows, rows)] += held @ held.T
    found = np.full(squares.shape, np.inf)
    np.divide(np.maximum(squares, 0), common, out=found, where=common > 0)
    np.fill_diagonal(found, 0)
    # Rounding must not tell one client of a pair from the other.
    symmetric: Array = np.minimum(found, found.T)
    return symmetric


def _rows(ballot: Ballot) -> list[tuple[Array, Array | None]]:
    return list(zip(ballot.values, ballot.held, strict=True))
