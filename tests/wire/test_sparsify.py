import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.pruning.mask import Mask
from fedprune.wire.codec import Reference, decode_payload, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings import bitmap
from fedprune.wire.pipeline import Keys, Pipeline
from fedprune.wire.quantizers import Slot
from fedprune.wire.sparsify import budget, choose

KEYS = Keys(0, "up", 1, 0)
SHAPES = {"a": (2, 3), "b": (4, 4)}
SPARSE = Pipeline(mask="bitmap", sparsify=0.5)


@settings(derandomize=True, deadline=None)
@given(
    first=st.lists(st.integers(-3, 3), max_size=20),
    second=st.lists(st.integers(-3, 3), max_size=20),
    share=st.floats(0.01, 0.99),
)
def test_exactly_the_largest_are_chosen_over_all_parameters_and_the_first_of_equals(
    first: list[int], second: list[int], share: float
) -> None:
    values = [np.array(each, np.float32) for each in (first, second)]
    slots = [Slot(name, (1, value.size), None) for name, value in zip("ab", values, strict=True)]
    chosen = choose(values, slots, share)
    everything = np.concatenate(values)
    order = np.argsort(-np.abs(everything), kind="stable")[: budget(everything.size, share)]
    flat = np.concatenate([chosen["a"].reshape(-1), chosen["b"].reshape(-1)])
    assert np.flatnonzero(flat).tolist() == sorted(order.tolist())


def test_the_share_is_rounded_and_something_of_anything_travels() -> None:
    assert [budget(count, 0.1) for count in (0, 1, 5, 14, 16, 100)] == [0, 1, 1, 1, 2, 10]


def test_what_is_not_chosen_decodes_to_what_both_sides_hold_and_what_is_pruned_to_zero() -> None:
    held = {"w": np.full((2, 3), 5.0, np.float32)}
    mask = Mask({"w": np.array([[True, True, True], [True, False, False]])})
    value = {"w": np.array([[5.0, 6.0, 5.1], [1.0, 0.0, 0.0]], np.float32)}
    used, reference = dataclasses.replace(SPARSE, base="update"), Reference(Mask(), held)
    parts = encode_payload(value, mask, reference, used, KEYS).parts
    assert len(parts["values"]) == 2 * 4
    decoded = decode_payload(parts, {"w": (2, 3)}, reference, {"w": (2, 3)}, True, used, KEYS)
    assert decoded.arrays["w"].tolist() == [[5, 6, 5], [1, 0, 0]]


def chosen_parts(chosen: list[bool]) -> dict[str, bytes]:
    mask = Mask({"w": np.array([chosen])})
    return {"chosen": bitmap.encode(mask, None), "values": bytes(4 * sum(chosen))}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"values": bytes(8)}, "chosen: it should travel"),
        (chosen_parts([True, True, True, False, False]), "chosen: 3 coordinates, 2 are expected"),
        (chosen_parts([True, False, False, False, True]), "chosen: a pruned coordinate of w"),
        ({**chosen_parts([True, True, False, False, False]), "values": bytes(16)}, "16 bytes, 8"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(parts: dict[str, bytes], said: str) -> None:
    known = Reference(Mask({"w": np.array([[True, True, True, True, False]])}))
    with pytest.raises(CodecError, match=said):
        decode_payload(parts, {"w": (1, 5)}, known, {}, False, SPARSE, KEYS)


def test_a_choice_that_nobody_called_for_is_refused() -> None:
    parts = chosen_parts([True, True])
    with pytest.raises(CodecError, match="chosen: uncalled for"):
        decode_payload(parts, {"w": (1, 2)}, Reference(Mask()), {}, False, Pipeline(), KEYS)
    with pytest.raises(CodecError, match="chosen: uncalled for"):
        decode_payload(parts, {"w": (1, 0)}, Reference(Mask()), {}, False, SPARSE, KEYS)
