"""The differential privacy of a run whose clients add noise to their updates, as dp-accounting has it."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fedprune.types import UserError
from fedprune.updates import Guarantee, Stage


@dataclass(frozen=True)
class Participation:
    """Who takes part in a run's rounds."""

    clients: int
    """Clients that exist."""
    sampled: int
    """Clients sampled in each round, uniformly and without replacement."""
    rounds: int


def guarantee(stages: Sequence[Stage]) -> Guarantee | None:
    """What the chain promises of each update; None when no stage of it gives privacy."""
    return next((found for stage in stages if (found := stage.guarantee()) is not None), None)


def check_library(stages: Sequence[Stage]) -> None:
    """Raises UserError when the chain gives privacy and the library that accounts for it is not installed."""
    if guarantee(stages) is not None and importlib.util.find_spec("dp_accounting") is None:
        raise UserError(
            "[[update]] adds noise, but its accountant is not installed: "
            "pip install '.[privacy]' in the checkout"
        )


def least_multiplier(multiplier: float, samples: Sequence[int], replies: int, *, summed: bool) -> float:
    """Noise in the combined model over the most that one client can move it, whoever took part.

    A mean of n clients holds the noise of all n, each by its weight: with weights s it is
    sqrt(sum of s squared) over the largest s times one client's ``multiplier``. The least value over all
    choices of ``replies`` clients is that of the client with most samples beside those with fewest, and
    clients that count alike give no less. This presumes a mean of all clients at each coordinate; under
    masks a coordinate may have a single holder, and another rule is no sum: then (not ``summed``) the noise
    of one client is what there is.
    """
    if not summed:
        return multiplier
    ascending = sorted(samples)
    chosen = [ascending[-1], *ascending[: replies - 1]]
    return multiplier * math.sqrt(sum(count**2 for count in chosen)) / ascending[-1]


def epsilon(multiplier: float, delta: float, part: Participation) -> float:
    """Epsilon of any one client, against whoever sees every round's model but not who took part in it.

    Neighbouring federations differ in all data of one client. Rounds are composed by Renyi differential
    privacy with amplification by sampling without replacement (Wang, Balle, Kasiviswanathan: Subsampled Renyi
    Differential Privacy and Analytical Moments Accountant, AISTATS 2019, https://arxiv.org/abs/1808.00087).

    Args:
        multiplier: deviation of the noise over the clipping norm, in the released sum.
        delta: the probability with which epsilon may not hold.
        part: who takes part.
    """
    from dp_accounting import NeighboringRelation, dp_event
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(neighboring_relation=NeighboringRelation.REPLACE_ONE)
    # One clipped update in another's place moves the sum by up to twice the norm.
    noise = dp_event.GaussianDpEvent(multiplier / 2)
    round = dp_event.SampledWithoutReplacementDpEvent(part.clients, part.sampled, noise)
    accountant.compose(round, part.rounds)
    return float(accountant.get_epsilon(delta))
