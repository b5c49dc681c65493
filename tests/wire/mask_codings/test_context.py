from collections.abc import Callable

import numpy as np
import pytest

from fedprune.pruning.criteria.magnitude import prune
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings import context, entropy

LENET5 = {"conv1": (6, 3, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84)}


def bound(mask: Mask) -> float:
    """Shannon's for independent entries: the sum over layers of n H(p), in bytes."""
    bits = 0.0
    for kept in mask.values():
        share = kept.mean()
        if 0 < share < 1:
            bits -= kept.size * (share * np.log2(share) + (1 - share) * np.log2(1 - share))
    return bits / 8


def a_round(seed: int, density: float, change: float) -> tuple[Mask, Mask, Arrays]:
    """The mask after a round in which weights moved and the smallest tenth went; the one before; what came
    down."""
    rng = np.random.default_rng(seed)
    down: Arrays = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in LENET5.items()}
    known = prune(down, Mask(), 1 - density, tuple(LENET5))
    up = {name: value + rng.normal(0, change, value.shape).astype(np.float32) for name, value in down.items()}
    return prune(up, known, 0.1, tuple(LENET5)), known, known.apply(down)


@pytest.mark.parametrize("density", [1.0, 0.8, 0.6])
def test_the_smallest_weights_go_next_and_cost_far_less_than_independent_bits(density: float) -> None:
    mask, known, down = a_round(1, density, change=0.003)
    data = context.encode(mask, known, down)
    assert len(data) <= 0.3 * bound(mask)
    assert len(data) <= 0.4 * len(entropy.encode(mask, known))


def test_the_less_weights_move_the_less_a_mask_costs() -> None:
    sizes = [len(context.encode(*a_round(2, 0.7, change))) for change in (0.0, 0.001, 0.003, 0.01, 0.03, 0.1)]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.1 * sizes[-1]


@pytest.mark.parametrize("density", [0.05, 0.5, 0.95])
def test_weights_that_foretell_nothing_cost_a_few_bytes_at_most(density: float) -> None:
    rng = np.random.default_rng(3)
    mask = Mask({name: rng.random(shape) < density for name, shape in LENET5.items()})
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in LENET5.items()}
    assert len(context.encode(mask, None, weights)) <= 1.005 * bound(mask) + 25
    assert len(context.encode(mask, None)) <= 1.005 * bound(mask) + 25


def test_an_unchanged_mask_costs_a_byte_a_parameter() -> None:
    _, known, down = a_round(4, 0.5, change=0.01)
    assert len(context.encode(known, known, down)) == len(LENET5)


def test_channels_that_go_as_a_whole_cost_their_flags() -> None:
    _, known, down = a_round(5, 0.9, change=0.01)
    mask = known.copy()
    mask["conv2"][[3, 4, 11]] = False
    mask["fc1"][:, 75:125] = False
    mask["fc1"][:, 275:300] = False
    assert len(context.encode(mask, known, down)) <= len(LENET5) + 16
    assert context.decode(context.encode(mask, known, down), LENET5, known, down) == mask


@pytest.mark.parametrize(
    "value",
    [
        lambda down: np.zeros_like(down),
        lambda down: np.full_like(down, 0.25),
        lambda down: np.sign(down),
        lambda down: down * np.float32(1e-44),
        lambda down: down * np.float32(1e38),
        lambda down: np.where(down > 0, np.float32(1e-29), np.float32(3e38)),
        lambda down: down.astype(np.float64),
    ],
)
def test_weights_of_any_magnitudes_are_no_obstacle(value: Callable[[np.ndarray], np.ndarray]) -> None:
    mask, known, down = a_round(6, 0.7, change=0.01)
    weights = {name: value(array) for name, array in down.items()}
    del weights["fc2"]
    data = context.encode(mask, known, weights)
    assert context.decode(data, LENET5, known, weights) == mask


def test_revived_coordinates_cost_only_the_entropy_of_their_share() -> None:
    mask, known, down = a_round(7, 0.5, change=0.01)
    revived = mask.copy()
    back = ~known["fc1"] & (np.random.default_rng(8).random((120, 400)) < 0.1)
    revived["fc1"] |= back
    more = len(context.encode(revived, known, down)) - len(context.encode(mask, known, down))
    assert more <= 1.01 * bound(Mask({"fc1": back[~known["fc1"]]})) + 4
    assert context.decode(context.encode(revived, known, down), LENET5, known, down) == revived


def test_the_coded_bytes_are_pinned() -> None:
    weights = {"a": (np.arange(60, dtype=np.float32).reshape(6, 10) * 7 % 61 - 20) / 8, "b": np.ones((2, 9))}
    known = Mask({"a": np.arange(60).reshape(6, 10) % 4 > 0})
    mask = Mask({"a": known["a"] & (np.abs(weights["a"]) > 1), "b": np.arange(18).reshape(2, 9) % 5 < 3})
    assert context.encode(mask, known, weights).hex() == "104406631308060f4d6a5c0301"


def test_weights_of_another_shape_are_the_callers_fault() -> None:
    with pytest.raises(ValueError, match=r"weights of w: shape \(2,\), expected \(6,\)") as caught:
        context.decode(b"\x00", {"w": (6,)}, None, {"w": np.zeros(2, np.float32)})
    assert not isinstance(caught.value, CodecError)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "w is missing"),
        (b"\x40", "no known way"),
        (b"\x18", "no known way"),
        (b"\x20", "no known way"),
        (b"\x08", "varint"),
        (b"\x08\x07", "7 of 6 decisions"),
        (b"\x04\x01", "1 of 0 decisions"),
        (b"\x10\x00", "no unit"),
        (b"\x10\x80\x80", "varint"),
        (b"\x10\x80\x80\x80\x04\x00\x00", "steeper than any"),
        (b"\x00\x01", "left over"),
        (b"\x00\x00", "zero byte"),
        (b"\x08\x03", "not 3"),
        (b"\x10\x80\x00\x00\x00", "do not end"),
    ],
)
def test_malformed_masks_name_their_fault(data: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        context.decode(data, {"w": (6,)}, None, {"w": np.arange(1, 7, dtype=np.float32)})


def test_a_curve_needs_weights_that_both_sides_hold() -> None:
    with pytest.raises(CodecError, match="weights that are not known"):
        context.decode(b"\x10\x80\x00\x00\x00", {"w": (6,)}, None)
    with pytest.raises(CodecError, match="no magnitudes to go by"):
        context.decode(b"\x10\x80\x00\x00\x00", {"w": (6,)}, None, {"w": np.zeros(6, np.float32)})
