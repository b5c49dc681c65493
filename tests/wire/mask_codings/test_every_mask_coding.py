"""What every mask coding must hold, one more plug-in or not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.types import Shapes
from fedprune.wire.errors import CodecError

CODINGS = plugins.names("mask_codings")
SHAPES = [(), (0,), (1,), (6,), (8,), (3, 5), (2, 3, 2, 2), (0, 4), (30, 40)]
DENSITIES = [0.0, 0.02, 0.5, 0.97, 1.0]


def random_mask(rng: np.random.Generator, shapes: Shapes, density: float) -> Mask:
    return Mask({name: np.asarray(rng.random(shape) < density) for name, shape in shapes.items()})


@st.composite
def cases(draw: st.DrawFn) -> tuple[Mask, Mask | None]:
    """A mask, and what both sides know: nothing, all, nested or not, with or without all names."""
    shapes = {
        f"layer{place}.weight": shape for place, shape in enumerate(draw(st.lists(st.sampled_from(SHAPES))))
    }
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    known = random_mask(rng, shapes, draw(st.sampled_from(DENSITIES)))
    mask = random_mask(rng, shapes, draw(st.sampled_from(DENSITIES)))
    relation = draw(st.sampled_from(["nothing", "nested", "any", "same"]))
    if relation == "nothing":
        return mask, None
    if relation == "nested":
        mask = Mask({name: kept & known[name] for name, kept in mask.items()})
    if relation == "same":
        mask = known.copy()
    if draw(st.booleans()) and shapes:
        del known[draw(st.sampled_from(sorted(shapes)))]
    return mask, known


def shapes_of(mask: Mask) -> Shapes:
    return {name: kept.shape for name, kept in mask.items()}


@pytest.mark.parametrize("coding", CODINGS)
@settings(derandomize=True, deadline=None)
@given(case=cases())
def test_decode_inverts_encode(coding: str, case: tuple[Mask, Mask | None]) -> None:
    module = plugins.load("mask_codings", coding)
    mask, known = case
    data = module.encode(mask, known)
    decoded = module.decode(memoryview(data), shapes_of(mask), known)
    assert decoded == mask
    assert list(decoded) == list(mask)


@pytest.mark.parametrize("coding", CODINGS)
def test_the_order_of_names_makes_no_difference(coding: str) -> None:
    module = plugins.load("mask_codings", coding)
    mask = random_mask(np.random.default_rng(3), {"b": (7,), "a": (2, 3), "c": ()}, 0.5)
    turned = Mask({name: mask[name] for name in reversed(list(mask))})
    assert module.encode(turned, None) == module.encode(mask, None)
    assert module.decode(module.encode(mask, None), shapes_of(turned), None) == mask


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("know", [False, True])
def test_mutated_bytes_raise_only_codec_errors(coding: str, know: bool) -> None:
    module = plugins.load("mask_codings", coding)
    rng = np.random.default_rng(4)
    shapes = {"conv.weight": (6, 5, 5), "fc.weight": (20, 30), "tiny": (6,)}
    known = random_mask(rng, shapes, 0.6) if know else None
    data = module.encode(random_mask(rng, shapes, 0.3), known)
    for _ in range(2000):
        mutated = bytearray(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.3 else data)
        for place in rng.integers(0, len(mutated), rng.integers(1, 4)):
            mutated[place] = rng.integers(256)
        if rng.random() < 0.2:
            mutated += rng.bytes(int(rng.integers(1, 20)))
        try:
            decoded = module.decode(bytes(mutated), shapes, known)
        except CodecError:
            continue
        assert shapes_of(decoded) == shapes


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
