"""Networks of frozen random weights from which a mask cuts what is used, as in FedPM and supermasks.

Zhou, Lan, Liu, Yosinski: Deconstructing Lottery Tickets, NeurIPS 2019, https://arxiv.org/abs/1905.01067.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays


def frozen(initial: Arrays, prunable: Sequence[str]) -> Arrays:
    """What stands still: weights as signed constants, biases as zeros; float32, without other parameters.

    A layer's constant is sqrt(2 / fan-in), the deviation of a Kaiming normal distribution; its signs are
    those of ``initial``.
    """
    constants = {}
    for name, value in initial.items():
        if name in prunable:
            size = np.float32(math.sqrt(2 / math.prod(value.shape[1:])))
            constants[name] = np.where(value < 0, -size, size)
        elif name.rpartition(".")[2] == "bias":
            constants[name] = np.zeros_like(value)
    return constants


def likely(theta: Arrays) -> Mask:
    """What is kept with a probability of at least one half."""
    return Mask({name: value >= 0.5 for name, value in theta.items()})


def drawn(theta: Arrays, rng: np.random.Generator) -> Mask:
    """A mask in which each coordinate is kept with its own probability, independently."""
    return Mask({name: rng.random(value.shape) < value for name, value in theta.items()})
