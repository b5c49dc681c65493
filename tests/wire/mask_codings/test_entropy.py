import numpy as np
import pytest

from fedprune.pruning.mask import Mask
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings import entropy

LENET5 = {"conv1": (6, 3, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84)}


def shannon_bytes(*parts: np.ndarray) -> float:
    """Sum over parts of n H(p) / 8."""
    bits = 0.0
    for part in parts:
        share = part.mean()
        if 0 < share < 1:
            bits -= part.size * (share * np.log2(share) + (1 - share) * np.log2(1 - share))
    return bits / 8


@pytest.mark.parametrize("percent", range(5, 100, 5))
def test_a_random_mask_is_within_one_per_cent_of_shannons_bound(percent: int) -> None:
    mask = Mask({"w": np.random.default_rng(percent).random(50_000) < percent / 100})
    data = entropy.encode(mask, None)
    assert len(data) <= 1.01 * shannon_bytes(mask["w"])
    assert entropy.decode(data, {"w": (50_000,)}, None) == mask


@pytest.mark.parametrize("density", [0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
def test_a_mask_of_many_layers_is_within_one_per_cent_of_shannons_bound(density: float) -> None:
    rng = np.random.default_rng(8)
    mask = Mask({name: rng.random(shape) < density for name, shape in LENET5.items()})
    assert len(entropy.encode(mask, None)) <= 1.01 * shannon_bytes(*mask.values())


def test_a_nested_mask_costs_only_the_entropy_of_what_was_newly_pruned() -> None:
    rng = np.random.default_rng(9)
    known = Mask({name: rng.random(shape) < 0.5 for name, shape in LENET5.items()})
    mask = Mask({name: kept & (rng.random(kept.shape) < 0.9) for name, kept in known.items()})
    newly = [mask[name][known[name]] for name in LENET5]
    assert len(entropy.encode(mask, known)) <= 1.015 * shannon_bytes(*newly)


@pytest.mark.parametrize("kept", [True, False])
def test_all_kept_or_all_pruned_costs_only_the_counts(kept: bool) -> None:
    mask = Mask({name: np.full(shape, kept) for name, shape in LENET5.items()})
    assert len(entropy.encode(mask, None)) <= 3 * len(LENET5)


def test_an_unchanged_mask_costs_only_the_counts() -> None:
    rng = np.random.default_rng(10)
    known = Mask({name: rng.random(shape) < 0.5 for name, shape in LENET5.items()})
    assert len(entropy.encode(known, known)) <= 4 * len(LENET5)


def test_a_tiny_parameter_costs_one_byte_beyond_its_bits() -> None:
    mask = Mask({f"bias{place}": np.arange(6) % 2 == 0 for place in range(100)})
    assert len(entropy.encode(mask, None)) <= 100 * (1 + 6 / 8) + 4


def test_the_coded_bytes_are_pinned() -> None:
    mask = Mask({"a": np.arange(60).reshape(6, 10) % 7 == 0, "b": np.arange(24) % 5 < 2})
    known = Mask({"b": np.arange(24) % 2 == 0})
    assert entropy.encode(mask, known).hex() == "090505559a5854ce06f681163a02"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "varint"),
        (b"\x07", "keeps 7 of 6"),
        (b"\x06\x01", "left over"),
        (b"\x03\x00", "zero byte"),
        (b"\x03", "not 3"),
    ],
)
def test_malformed_masks_name_their_fault(data: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        entropy.decode(data, {"w": (6,)}, None)
