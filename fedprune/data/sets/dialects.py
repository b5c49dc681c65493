"""Synthetic text by 40 speakers, each with a dialect of its own; predict every next letter. Made, not read.

A first-order Markov source over 26 letters and the space. Of what may follow a letter, one half of the
letters is the language, common to all speakers, and the other half is the speaker's dialect. So a model that
all share can learn the first, and only a personal one the second.
"""

from __future__ import annotations

import string

import numpy as np

from fedprune.data.declared import BundledSet
from fedprune.data.schema import Content, Features, Samples, Targets
from fedprune.seeds import generator
from fedprune.types import Array

ALPHABET = string.ascii_lowercase + " "
SPEAKERS = 40
LENGTH = 32
"""Letters in a window; its target is the same window one letter later."""
TRAINING, TEST = 50, 10
"""Windows of each speaker; those for testing are the last that it says."""
CONCENTRATION = 0.1
"""The parameter of the Dirichlet distribution of what follows a letter: small, so that few letters do."""


def read() -> Content:
    """The windows of all speakers, token ids uint8 (N, LENGTH), speaker after speaker."""
    spoken = np.stack([_speech(_language(speaker), speaker) for speaker in range(SPEAKERS)])
    x = spoken[:, :-1].reshape(SPEAKERS, TRAINING + TEST, LENGTH)
    y = spoken[:, 1:].reshape(SPEAKERS, TRAINING + TEST, LENGTH)
    return Content(
        training=_samples(x[:, :TRAINING], y[:, :TRAINING]),
        test=_samples(x[:, TRAINING:], y[:, TRAINING:]),
        features=Features((LENGTH,), "uint8", vocabulary=len(ALPHABET)),
        targets=Targets((LENGTH,), classes=len(ALPHABET), names=tuple(ALPHABET)),
        task="next_token",
        client_key="speaker",
    )


def _language(speaker: int) -> Array:
    """float64 (letters, letters): how likely each letter follows each when this speaker says it."""
    letters = len(ALPHABET)
    concentration = np.full(letters, CONCENTRATION)
    follows = generator(0, "dialects language").dirichlet(concentration, letters)
    random = generator(0, "dialects dialect", client=speaker)
    own = random.permutation(letters)[: letters // 2]
    follows[own] = random.dirichlet(concentration, len(own))
    return follows


def _speech(follows: Array, speaker: int) -> Array:
    """What a speaker says: token ids uint8, one more than fills its windows."""
    draws = generator(0, "dialects speech", client=speaker).random((TRAINING + TEST) * LENGTH + 1)
    reached = follows.cumsum(axis=1)
    said = np.zeros(len(draws), np.uint8)
    letter = len(ALPHABET) - 1
    for position, draw in enumerate(draws):
        # The last sum may fall short of 1 by a rounding error.
        letter = min(int(np.searchsorted(reached[letter], draw, side="right")), len(ALPHABET) - 1)
        said[position] = letter
    return said


def _samples(x: Array, y: Array) -> Samples:
    speakers = np.repeat(np.arange(SPEAKERS), x.shape[1])
    return Samples(x.reshape(-1, LENGTH), y.reshape(-1, LENGTH).astype(np.int64), {"speaker": speakers})


SET = BundledSet(read)
