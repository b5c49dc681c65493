"""A client whose weights are written by hand, and the hooks of a round played on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fedprune.models import Architecture
from fedprune.pruning.mask import Mask
from fedprune.strategy import Client, Strategy
from fedprune.types import Arrays


class RecordingGate:
    """A gate that always answers the same and remembers what it was asked."""

    def __init__(self, accuracy: float) -> None:
        self.accuracy = accuracy
        self.asked: list[tuple[Arrays, Mask]] = []

    def __call__(self, weights: Arrays, mask: Mask) -> float:
        self.asked.append((weights, mask))
        return self.accuracy


def lend(client: Client, **functions: Callable[..., Any]) -> Client:
    """The client, which computes by these functions from now on."""
    for name, function in functions.items():
        assert callable(getattr(Client, name))
        setattr(client, name, function)
    return client


def toy_client(weights: Arrays, *, epochs: int = 2, gate: float = 0.9, mask: Mask | None = None) -> Client:
    """A client whose prunable weights are all those with two axes, without channels."""
    made = Client(
        id=0,
        round=1,
        epochs=epochs,
        weights=weights,
        mask=mask or Mask(),
        state={},
        prunable=tuple(name for name, value in weights.items() if value.ndim == 2),
        groups=(),
    )
    return lend(made, gate=RecordingGate(gate))


def client_of(made: Architecture, weights: Arrays, mask: Mask) -> Client:
    """A client of a real model that passes every gate."""
    client = Client(
        id=0,
        round=1,
        epochs=2,
        weights=weights,
        mask=mask,
        state={},
        prunable=made.prunable,
        groups=made.groups,
    )
    return lend(client, gate=RecordingGate(1.0))


def play(strategy: Strategy, client: Client, after_epochs: Sequence[Arrays]) -> None:
    """One round in which training gives these weights after each epoch."""
    strategy.before_training(client)
    for epoch, weights in enumerate(after_epochs, start=1):
        client.weights = client.mask.apply(weights)
        strategy.after_epoch(client, epoch)
    strategy.after_training(client)


def row(*values: float) -> Arrays:
    """A model of one weight matrix of one row."""
    return {"w": np.array([values], np.float32)}
