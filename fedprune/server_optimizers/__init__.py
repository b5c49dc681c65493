"""What the server makes of the combined model: the contract of a server optimizer.

Reddi, Charles, Zaheer, Garrett, Rush, Konecny, Kumar, McMahan: Adaptive Federated Optimization, ICLR 2021,
https://arxiv.org/abs/2003.00295. The combined model minus the old one takes the place of a gradient step, and
the server steps along it with a memory of its own.

A server optimizer is a frozen dataclass in one file of this folder; its fields are the keys of
``[server_optimizer]`` in a scenario. What holds for all of them is done around it: nothing moves at a
coordinate that was not combined in this round, neither the weight nor what the optimizer remembers of it;
running statistics of batch norm are no weights and take their combined value; what is remembered is float32
and travels in checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class ServerOptimizer:
    """One parameter's step from its old value towards, or beyond, its combined value."""

    def begin(self, old: Array) -> Arrays:
        """What is remembered of a parameter before its first step: name -> array of its shape."""
        return {}

    def step(self, old: Array, combined: Array, moments: Arrays) -> tuple[Array, Arrays]:
        """The next value of one parameter, and what is remembered of it then.

        Args:
            old: the server's value, float32 of the parameter's full shape.
            combined: what the clients' values were combined to, float64; ``old`` where too few hold it.
            moments: what was remembered; not to be changed in place.
        """
        raise NotImplementedError
