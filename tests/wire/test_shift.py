"""What values are coded against, and what is remembered of a message for the next one."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays
from fedprune.wire.codec import Decoded, Encoded, Reference, decode_payload, encode_payload
from fedprune.wire.pipeline import Keys, Pipeline
from fedprune.wire.quantizers.fp16 import Fp16

SHAPE = (5, 7)
KEPT = Mask({"w": np.random.default_rng(9).random(SHAPE) < 0.6})


def normal(seed: int, scale: float = 1.0) -> Arrays:
    return {"w": (scale * np.random.default_rng(seed).standard_normal(SHAPE)).astype(np.float32)}


def exchange(
    arrays: Arrays, mask: Mask | None, reference: Reference, used: Pipeline, residual: Arrays | None = None
) -> tuple[Encoded, Decoded]:
    keys = Keys(0, "up", 1, 0)
    sent = encode_payload(arrays, mask, reference, used, keys, residual)
    expected = {name: value.shape for name, value in arrays.items()}
    got = decode_payload(sent.parts, expected, reference, expected, mask is not None, used, keys)
    return sent, got


def test_a_small_update_loses_less_against_what_both_hold_than_as_weights() -> None:
    held = normal(0)
    moved = {"w": held["w"] + normal(1, 1e-3)["w"]}
    errors = {
        base: np.abs(
            exchange(moved, KEPT, Reference(Mask(), held), Pipeline(quantizer=Fp16(), base=base))[1].arrays[
                "w"
            ]
            - KEPT.apply(moved)["w"]
        ).max()
        for base in ("weights", "update")
    }
    assert errors["update"] < errors["weights"] / 100


@pytest.mark.parametrize("base", ["weights", "update", "tracked"])
@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    density=st.sampled_from([0.0, 0.5, 1.0]), seed=st.integers(0, 50), sparsify=st.sampled_from([0.3, 1.0])
)
def test_whatever_it_is_coded_against_pruned_coordinates_are_zero(
    base: Any, density: float, seed: int, sparsify: float
) -> None:
    mask = Mask({"w": np.random.default_rng(seed).random(SHAPE) < density})
    used = Pipeline(base=base, sparsify=sparsify, feedback="residual")
    reference = Reference(Mask(), normal(seed + 1), normal(seed + 2))
    sent, got = exchange(normal(seed), mask, reference, used, normal(seed + 3))
    for found in (got.arrays, sent.residual, got.tracked):
        assert not found.get("w", np.zeros(SHAPE))[~mask["w"]].any()


@pytest.mark.parametrize("base", ["update", "tracked"])
def test_an_array_of_which_nothing_is_held_is_coded_as_it_is(base: Any) -> None:
    arrays = {"saliency": normal(3)["w"], "threshold": np.array([0.1, 0.2], np.float32)}
    reference = Reference(Mask(), {**normal(4), "threshold": np.ones(2, np.float32)})
    _, got = exchange(arrays, None, reference, Pipeline(base=base))
    for name, value in arrays.items():
        assert got.arrays[name].tobytes() == value.tobytes()


def test_what_was_lost_comes_with_later_messages() -> None:
    used = Pipeline(quantizer=Fp16(), sparsify=0.2, feedback="residual")
    residual: Arrays = {}
    wanted, decoded = np.zeros(SHAPE), np.zeros(SHAPE)
    for round in range(8):
        arrays = normal(round)
        sent, got = exchange(arrays, KEPT, Reference(Mask()), used, residual)
        residual = sent.residual
        wanted += KEPT.apply(arrays)["w"]
        decoded += got.arrays["w"]
    assert np.abs(wanted - decoded).max() > 0.5
    assert np.allclose(decoded + residual["w"], wanted, atol=1e-4)


def test_what_does_not_travel_keeps_its_memory() -> None:
    used = Pipeline(base="tracked", feedback="residual")
    reference, other = (
        Reference(Mask(), {}, {"other": np.ones((1, 1), np.float32)}),
        np.ones((2, 2), np.float32),
    )
    sent, got = exchange(normal(0), None, reference, used, {"other": other})
    assert sent.residual["other"] is other
    assert got.tracked["other"].tolist() == [[1]]


def test_both_sides_track_the_same_bits_by_steps_of_what_was_decoded() -> None:
    used, held, tracked = Pipeline(quantizer=Fp16(), base="tracked", step=0.25), normal(5), normal(6)
    arrays = normal(7)
    sent, got = exchange(arrays, KEPT, Reference(Mask(), held, tracked), used)
    assert sent.tracked["w"].tobytes() == got.tracked["w"].tobytes()
    difference = (arrays["w"] - (held["w"] + tracked["w"])).astype(np.float16).astype(np.float32)
    expected = KEPT.apply({"w": tracked["w"] + np.float32(0.25) * difference})["w"]
    assert np.array_equal(got.tracked["w"], expected)
    assert np.allclose(got.arrays["w"], KEPT.apply({"w": held["w"] + tracked["w"] + difference})["w"])


def test_of_a_steady_update_tracking_leaves_ever_less_to_lose() -> None:
    used, held, update = Pipeline(base="tracked", step=0.5, sparsify=0.3), normal(8), normal(9)
    tracked: Arrays = {}
    errors = []
    for _ in range(40):
        arrays = {"w": held["w"] + update["w"]}
        _, got = exchange(arrays, None, Reference(Mask(), held, tracked), used)
        tracked = got.tracked
        errors.append(np.linalg.norm(got.arrays["w"] - arrays["w"]))
    assert errors[-1] < 0.01 * errors[0]


@pytest.mark.parametrize("base", ["update", "tracked"])
def test_extreme_differences_stay_finite(base: Any) -> None:
    huge = np.full((1, 2), 3e38, np.float32)
    used = Pipeline(base=base, step=1.0, feedback="residual")
    sent, got = exchange({"w": huge}, None, Reference(Mask(), {"w": -huge}, {"w": -huge}), used, {"w": huge})
    found = [*got.arrays.values(), *got.tracked.values(), *sent.residual.values()]
    assert all(np.isfinite(value).all() for value in found)


def test_values_of_another_shape_are_no_base() -> None:
    with pytest.raises(ValueError, match="both sides hold w"):
        exchange(
            normal(0), None, Reference(Mask(), {"w": np.ones((1, 1), np.float32)}), Pipeline(base="update")
        )
