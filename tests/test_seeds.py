"""Keyed randomness: a key names its stream, whatever was drawn before it."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.seeds import generator


def draw(seed: int = 0, purpose: str = "batches", **key: int) -> list[int]:
    return generator(seed, purpose, **key).integers(2**62, size=4).tolist()


def test_equal_keys_give_equal_streams_whatever_was_drawn_in_between() -> None:
    first = draw(round=3, client=5)
    draw(round=4, client=5)
    np.random.random()
    assert draw(round=3, client=5) == first


@pytest.mark.parametrize("other", [{"seed": 1}, {"purpose": "sampling"}, {"round": 1}, {"client": 1}])
def test_a_key_that_differs_in_any_part_gives_another_stream(other: dict[str, object]) -> None:
    assert draw(**other) != draw()  # type: ignore[arg-type]


def test_round_and_client_are_not_interchangeable() -> None:
    assert draw(round=1, client=2) != draw(round=2, client=1)
    assert draw(round=1, client=12) != draw(round=11, client=2)


def test_the_stream_of_a_key_is_fixed_for_good() -> None:
    # Results on disk depend on it: a change here makes every earlier run irreproducible.
    assert draw() == [2723396823259875118, 3934745290151278743, 4596286229602511539, 1604674839857808021]
