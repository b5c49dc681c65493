"""What a strategy finds on a client: what the client holds, and what it can compute on its own data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fedprune.compute.proximal import Proximal
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays

if TYPE_CHECKING:
    from fedprune.compute.loop import Loop
    from fedprune.compute.request import Loss


@dataclass
class Client:
    """One client's view of the round under way; hooks change it in place.

    State commits with the reply: nothing here outlives a round that fails. What a client computes on its own
    data, its methods do; none of them reads test data. A client made by hand, without data, raises
    RuntimeError in each.
    """

    id: int
    round: int
    epochs: int
    """Local epochs of this round, at least 1."""
    weights: Arrays
    """The current model; ``after_epoch`` finds what training made of it, and only reads."""
    mask: Mask
    """What lives: coordinates pruned here are zero and stay zero in training; empty means dense."""
    state: Arrays
    """What the client keeps for its next round beside its mask, by the strategy's own names."""
    prunable: tuple[str, ...]
    """Names of the weights (not biases, not norms) that a mask may cover."""
    groups: tuple[ChannelGroup, ...]
    """Channels that can be removed, with every parameter slice that goes with them."""
    shared: Mask = field(default_factory=Mask)
    """The mask that both sides know: coordinates it keeps are those that travel."""
    initial: Arrays = field(default_factory=dict)
    """The initial weights: keyed, so both sides have them and they never travel."""
    final: bool = False
    """Whether this is the evaluation after the last round, of which nothing is kept."""
    rounds: int = 1
    """The rounds that the run is to have; ``round`` is one more in the evaluation after them."""
    scratch: dict[str, Any] = field(default_factory=dict)
    """Between hooks of one round; forgotten after it."""

    def fit(
        self,
        weights: Arrays,
        mask: Mask,
        *,
        epochs: int | None = None,
        loss: Loss | None = None,
        proximal: Proximal | None = None,
        only: Collection[str] | None = None,
        after_epoch: Callable[[int, Arrays], None] | None = None,
    ) -> Arrays:
        """Train on the client's training data as ``[train]`` and ``[schedule]`` say.

        Momenta start afresh and batches come in another order each time this is called in a round.

        Args:
            weights: where training starts, in full coordinates. Where ``loss`` is given they may hold further
                arrays, which train like parameters and are ``model.extra`` in the loss.
            mask: what lives; the rest is zero and stays so.
            epochs: how many, at least 1; the round's number unless given.
            loss: of the model, a batch and its targets; the task's, or that of ``[distill]``, unless given.
            proximal: a pull towards an anchor.
            only: names of the parameters that train, at least one; the others stand still to the bit. All of
                them train unless given. Running statistics follow the data in either case.
            after_epoch: told of each epoch, from 1, with the weights then.

        Returns:
            All that trained, in full coordinates, float32, zero where pruned.

        Raises:
            DivergedError: a loss or weight is not finite.
        """
        _absent("fit")

    def gradient(self, weights: Arrays, *, batches: int | None = None) -> Arrays:
        """The mean gradient of the task's loss at ``weights``, on the client's training data.

        Args:
            weights: in full coordinates; no mask is applied.
            batches: how many keyed batches it is the mean over; all samples unless given.

        Returns:
            The gradient by parameter name, dense, float32.
        """
        _absent("gradient")

    def activity(self, weights: Arrays, mask: Mask) -> Arrays:
        """Each channel's share of zeros in what the layers that read it are given of it.

        That is mostly what the channel's ReLU puts out, pooled, over all of the client's training data.

        Args:
            weights: in full coordinates.
            mask: what lives.

        Returns:
            Group's name -> float64 (channels,) in [0, 1]; 1 for a channel that is pruned.
        """
        _absent("activity")

    def gate(self, weights: Arrays, mask: Mask) -> float:
        """How good a model is on the client's validation data, or its training data where it has none.

        Args:
            weights: in full coordinates.
            mask: what lives.

        Returns:
            The task's score where higher is better (for labels, accuracy in [0, 1]). For an error it is
            1 - error / chance: 1 is perfect, 0 no better than the best answer that ignores the input. So a
            threshold of 0.5 asks for half of the answers right, or for half of chance's error. See
            ``Score.quality``.
        """
        _absent("gate")

    def peer(self, model: Mapping[str, Any], weights: Arrays, *, steps: int = 1) -> Loop:
        """A second model on the client, with an optimizer of its own.

        Args:
            model: as the scenario's ``[model]`` section; the scenario's own when empty.
            weights: what it holds by parameter name; keyed initial ones where they are missing.
            steps: how many steps it is to take on each batch: a schedule over steps runs as much slower.

        Returns:
            The loop that trains it: ``peer.model`` is the model, ``peer.descend(loss)`` takes a step.
        """
        _absent("peer")

    def rng(self, purpose: str, *, every_round: bool = True) -> np.random.Generator:
        """A random generator of the client's own.

        Args:
            purpose: what is drawn; another purpose gives other draws.
            every_round: whether each round has draws of its own, else they are the same in every round.

        Returns:
            A fresh generator keyed by the run's seed, ``purpose``, the client and the round.
        """
        _absent("rng")


def _absent(what: str) -> NoReturn:
    raise RuntimeError(f"client.{what}: this client was made by hand, without data to compute on")
