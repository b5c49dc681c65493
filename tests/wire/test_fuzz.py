"""Whatever arrives in place of an order or a reply raises nothing but CodecError."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from .hostile import attack, messages

MESSAGES = messages()
NAMES = list(MESSAGES)
CHUNKS, CHUNK = 100, 10_000


def attacks(seed: int, count: int) -> int:
    """How many of ``count`` mutated messages were still messages; a failure names what makes it again."""
    rng = np.random.default_rng(seed)
    taken = 0
    for place, name in zip(range(count), itertools.cycle(NAMES), strict=False):
        other = MESSAGES[NAMES[int(rng.integers(len(NAMES)))]]
        try:
            taken += attack(MESSAGES[name], other, rng)
        except Exception as error:
            error.add_note(f"seed {seed}, message {place}: {name}")
            raise
    return taken


@pytest.mark.parametrize("name", NAMES)
def test_unharmed_messages_arrive(name: str) -> None:
    message = MESSAGES[name]
    assert message.receive(message.blob).arrays.keys() == {"conv.weight", "fc.weight", "fc.bias"}


def test_thousands_of_mutated_messages_raise_only_codec_errors() -> None:
    # Some are messages still (another value, another accuracy): without them, only the frame would be tested.
    assert 100 < attacks(0, 8000) < 4000


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(1, CHUNKS + 1))
def test_a_million_mutated_messages_raise_only_codec_errors(chunk: int) -> None:
    attacks(chunk, CHUNK)
