"""What every mask coding must hold, one more plug-in or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.errors import CodecError

CODINGS = plugins.names("mask_codings")
SHAPES = [(), (0,), (1,), (6,), (8,), (3, 5), (2, 3, 2, 2), (0, 4), (30, 40)]
DENSITIES = [0.0, 0.02, 0.5, 0.97, 1.0]


def random_mask(rng: np.random.Generator, shapes: Shapes, density: float) -> Mask:
    return Mask({name: np.asarray(rng.random(shape) < density) for name, shape in shapes.items()})


def random_weights(rng: np.random.Generator, known: Mask, kind: str) -> Arrays | None:
    """What came down: nothing, zeros where pruned and elsewhere a bell, one value, or extremes."""
    if kind == "nothing":
        return None
    weights = {}
    for name, kept in known.items():
        value = rng.normal(size=kept.shape)
        if kind == "coarse":
            value = np.sign(value) * 0.5
        if kind == "extreme":
            value = rng.choice([0, 1e-45, -1e-38, 1e-30, 1, -3e38], kept.shape)
        weights[name] = np.where(kept, value, 0).astype(np.float32)
    return weights


@st.composite
def cases(draw: st.DrawFn) -> tuple[Mask, Mask | None, Arrays | None]:
    """A mask, and what both sides know: nothing, all, nested or not, with or without all names; weights."""
    shapes = {
        f"layer{place}.weight": shape for place, shape in enumerate(draw(st.lists(st.sampled_from(SHAPES))))
    }
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    known = random_mask(rng, shapes, draw(st.sampled_from(DENSITIES)))
    mask = random_mask(rng, shapes, draw(st.sampled_from(DENSITIES)))
    relation = draw(st.sampled_from(["nothing", "nested", "any", "same", "smallest"]))
    weights = random_weights(rng, known, draw(st.sampled_from(["nothing", "bell", "coarse", "extreme"])))
    if relation == "nothing":
        return mask, None, weights
    if relation == "smallest" and weights is not None:
        mask = Mask({name: known[name] & (np.abs(value) > 0.4) for name, value in weights.items()})
    if relation == "nested":
        mask = Mask({name: kept & known[name] for name, kept in mask.items()})
    if relation == "same":
        mask = known.copy()
    if draw(st.booleans()) and shapes:
        del known[draw(st.sampled_from(sorted(shapes)))]
    return mask, known, weights


def shapes_of(mask: Mask) -> Shapes:
    return {name: kept.shape for name, kept in mask.items()}


@pytest.mark.parametrize("coding", CODINGS)
@settings(derandomize=True, deadline=None)
@given(case=cases())
def test_decode_inverts_encode(coding: str, case: tuple[Mask, Mask | None, Arrays | None]) -> None:
    module = plugins.load("mask_codings", coding)
    mask, known, weights = case
    data = module.encode(mask, known, weights)
    decoded = module.decode(memoryview(data), shapes_of(mask), known, weights)
    assert decoded == mask
    assert list(decoded) == list(mask)


@pytest.mark.parametrize("coding", CODINGS)
def test_the_order_of_names_makes_no_difference(coding: str) -> None:
    module = plugins.load("mask_codings", coding)
    mask = random_mask(np.random.default_rng(3), {"b": (7,), "a": (2, 3), "c": ()}, 0.5)
    turned = Mask({name: mask[name] for name in reversed(list(mask))})
    assert module.encode(turned, None) == module.encode(mask, None)
    assert module.decode(module.encode(mask, None), shapes_of(turned), None) == mask


def attack(coding: str, know: bool, weigh: bool, seed: int, times: int) -> None:
    """Decode copies of a mask's bytes that were changed, cut, added to, or spliced with another's."""
    module = plugins.load("mask_codings", coding)
    rng = np.random.default_rng(seed)
    shapes = {"conv.weight": (6, 5, 5), "fc.weight": (20, 30), "tiny": (6,)}
    known = random_mask(rng, shapes, 0.6)
    weights = random_weights(rng, known, "bell") if weigh else None
    mask = random_mask(rng, shapes, 0.3)
    if weights is not None:
        mask = Mask({name: known[name] & (np.abs(value) > 0.4) for name, value in weights.items()})
    told = known if know else None
    data = module.encode(mask, told, weights)
    other = module.encode(random_mask(rng, shapes, 0.5), told, weights)
    for _ in range(times):
        mutated = bytearray(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.3 else data)
        for place in rng.integers(0, len(mutated), rng.integers(1, 4)):
            mutated[place] = rng.integers(256)
        if rng.random() < 0.2:
            mutated += rng.bytes(int(rng.integers(1, 20)))
        if rng.random() < 0.2:
            start, end = sorted(rng.integers(0, len(other) + 1, 2))
            mutated[rng.integers(len(mutated)) :] = other[start:end]
        try:
            decoded = module.decode(bytes(mutated), shapes, told, weights)
        except CodecError:
            continue
        assert shapes_of(decoded) == shapes


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("know", [False, True])
@pytest.mark.parametrize("weigh", [False, True])
def test_mutated_bytes_raise_only_codec_errors(coding: str, know: bool, weigh: bool) -> None:
    attack(coding, know, weigh, seed=4, times=1500)


@pytest.mark.slow
@pytest.mark.parametrize("coding", CODINGS)
@settings(derandomize=True, deadline=None, max_examples=500)
@given(know=st.booleans(), weigh=st.booleans(), seed=st.integers(0, 10**6))
def test_many_more_mutated_bytes_raise_only_codec_errors(
    coding: str, know: bool, weigh: bool, seed: int
) -> None:
    attack(coding, know, weigh, seed, times=500)


@pytest.mark.parametrize("coding", CODINGS)
def test_random_empty_and_oversized_bytes_raise_only_codec_errors(coding: str) -> None:
    module = plugins.load("mask_codings", coding)
    rng = np.random.default_rng(5)
    shapes = {"fc.weight": (40, 30), "tiny": (6,)}
    for length in [0, 1, 2, 3, 4, 7, 8, 150, 151, 152, 1 << 20, *rng.integers(0, 400, 500)]:
        for data in (rng.bytes(int(length)), bytes(int(length)), b"\xff" * int(length)):
            try:
                assert shapes_of(module.decode(data, shapes, None)) == shapes
            except CodecError:
                continue


@pytest.mark.parametrize("coding", CODINGS)
def test_bytes_for_other_shapes_are_refused(coding: str) -> None:
    module = plugins.load("mask_codings", coding)
    data = module.encode(random_mask(np.random.default_rng(6), {"w": (50, 40)}, 0.5), None)
    with pytest.raises(CodecError):
        module.decode(data, {"w": (50, 41)}, None)
