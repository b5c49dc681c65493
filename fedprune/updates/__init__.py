"""What happens to a client's update between training and the wire: the contract of a stage.

``[[update]]`` is a chain of stages, carried out on the client in the order written. A stage is a frozen
dataclass in one file of this folder; its fields are the keys of its table in the scenario. What holds for
every stage is done around it: it sees what was trained less what was received, of that which travels and
nothing else; coordinates that do not travel under the mask stay zero whatever it makes of them; the client's
own model is not touched; and its randomness is keyed by the run's seed, the round and the client.

``clients`` or ``fraction`` beside a stage's name let only some clients carry it out: that is how an attack is
written. An attack may have more than ``apply``: other labels to train on (``targets``), or a plan that its
clients make ``together``, knowing what all others send in the round. Such knowledge no real client has; a
simulator can lend it: a plan is made where replies are decoded, in the place of what its clients sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.types import Array, Arrays


@dataclass(frozen=True)
class Change:
    """One client's update on its way through the chain."""

    arrays: Arrays
    """By parameter name, float64 of full shapes; zero where ``mask`` does not keep a coordinate."""
    mask: Mask
    """What travels; a parameter without an entry travels whole."""
    bound: float | None = None
    """L2 norm of all arrays together that no client's update exceeds, whatever its data; None if unknown."""


@dataclass(frozen=True)
class Guarantee:
    """What a stage that adds noise promises of each update: (epsilon, delta) differential privacy."""

    multiplier: float
    """Deviation of the noise on each coordinate, over the norm that bounds the update."""
    delta: float
    """The probability, in (0, 1), with which epsilon may not hold."""


@dataclass(frozen=True)
class Stage:
    """One step of the chain."""

    hostile = False
    """Whether it is an attack, which only some clients can carry out."""

    def apply(self, change: Change, rng: np.random.Generator) -> Change:
        """The update after this stage; ``change`` is not altered.

        Raises ValueError when the stage lacks something that an earlier one would have to bring. A change
        without arrays gets the same answer, which is how a chain is checked before anything runs.
        """
        raise NotImplementedError

    def targets(self, targets: Array, classes: int) -> Array:
        """The labels that a client which carries out the stage trains on and decides by.

        Args:
            targets: its true ones, int64 of any shape, in 0 .. classes - 1; not to be altered.
            classes: how many there are.
        """
        return targets

    def together(
        self, own: Sequence[Change], others: Sequence[Change], rng: np.random.Generator
    ) -> Sequence[Change]:
        """What the clients of the stage let the server have, knowing what everybody sent.

        Args:
            own: what they sent, in the order of the clients; at least one. Each may be given back with other
                arrays and another mask of the same parameters.
            others: what the other clients sent; at least one.
            rng: of the run's seed and the round; the clients have it in common.
        """
        return own

    def guarantee(self) -> Guarantee | None:
        """The privacy that this stage gives, if it does."""
        return None

    def moves_freely(self) -> bool:
        """Whether it may move a value anywhere, also to where a batch norm's variance is negative."""
        return True


@dataclass(frozen=True)
class Assigned:
    """A stage of a run's chain, and who carries it out."""

    stage: Stage
    clients: frozenset[int] | None = None
    """Their ids; None for every client."""

    def concerns(self, client: int) -> bool:
        """Whether this client carries the stage out."""
        return self.clients is None or client in self.clients

    @property
    def plots(self) -> bool:
        """Whether its clients make a plan together."""
        return type(self.stage).together is not Stage.together


def drawn(clients: int, fraction: float, seed: int) -> frozenset[int]:
    """That share of all clients, rounded, drawn by the run's seed: a larger share holds the smaller one's."""
    order = generator(seed, "clients of a stage").permutation(clients)
    return frozenset(int(client) for client in order[: round(fraction * clients)])


def complaints(stages: Sequence[Stage]) -> Iterator[tuple[int, str]]:
    """The stages that cannot work where they stand in the chain: their numbers, from 1, and why."""
    change = Change({}, Mask())
    for number, stage in enumerate(stages, start=1):
        try:
            change = stage.apply(change, np.random.default_rng(0))
        except ValueError as error:
            yield number, str(error)
