"""What every update stage promises: each file of the folder is held to this without being named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fedprune import plugins
from fedprune.federation.client.updates import through_stages
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.strategy import Payload
from fedprune.types import Arrays
from fedprune.updates import Change, Stage, complaints
from fedprune.wire.codec import Decoded

EVERY = plugins.names("updates")

pytestmark = pytest.mark.parametrize("name", EVERY)

MASK = Mask({"w": np.random.default_rng(0).random((30, 20)) < 0.4})


def chain(name: str) -> list[Stage]:
    """The stage with its defaults, behind a clip where it does not work alone."""
    stage: Any = plugins.dataclass_of("updates", name)()
    clip: Any = plugins.dataclass_of("updates", "clip")()
    return [clip, stage] if list(complaints([stage])) else [stage]


def arrays(seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    return {
        "w": np.where(MASK["w"], rng.normal(size=(30, 20)), 0).astype(np.float32),
        "b": rng.normal(size=20).astype(np.float32),
    }


def keyed(client: int, round: int) -> Callable[[str], np.random.Generator]:
    return lambda purpose, *, every_round=True: generator(0, purpose, round=round, client=client)


def sent(name: str, *, client: int = 0, round: int = 1, mask: Mask | None = None) -> Payload:
    received = Decoded(arrays(1), MASK, {})
    return through_stages(chain(name), Payload(arrays(2), mask), received, keyed(client, round))


def test_what_does_not_travel_stays_zero(name: str) -> None:
    smaller = Mask({"w": MASK["w"] & (np.arange(20) < 10)})
    for mask in (None, smaller):
        kept = (mask or MASK)["w"]
        found = sent(name, mask=mask)
        assert not found.arrays["w"][~kept].any()
        assert found.arrays["w"][kept].all()
        assert found.mask is mask


def test_the_same_round_and_client_give_the_same_bits_and_others_other_noise(name: str) -> None:
    first, again = sent(name, client=3, round=2), sent(name, client=3, round=2)
    assert all(first.arrays[key].tobytes() == again.arrays[key].tobytes() for key in first.arrays)
    if chain(name)[-1].guarantee() is not None:
        for other in (sent(name, client=4, round=2), sent(name, client=3, round=3)):
            assert not np.array_equal(first.arrays["b"], other.arrays["b"])


def test_what_the_client_trained_and_received_is_left_as_it_was(name: str) -> None:
    trained, received = arrays(2), arrays(1)
    through_stages(chain(name), Payload(trained), Decoded(received, MASK, {}), keyed(0, 1))
    for found, expected in ((trained, arrays(2)), (received, arrays(1))):
        assert all(found[key].tobytes() == expected[key].tobytes() for key in expected)


def test_what_goes_up_is_finite_and_of_the_dtype_that_came(name: str) -> None:
    for value in sent(name).arrays.values():
        assert value.dtype == np.float32
        assert np.isfinite(value).all()


def test_a_change_without_arrays_passes(name: str) -> None:
    change = Change({}, Mask(), bound=1.0)
    assert chain(name)[-1].apply(change, np.random.default_rng(0)).arrays == {}
