import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.codec import PARTS, decode_payload, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.frame import pack

MASK_CODINGS = plugins.names("mask_codings")
VALUE_CODECS = plugins.names("value_codecs")

LENET5: Shapes = {
    "conv1.weight": (6, 3, 5, 5),
    "conv1.bias": (6,),
    "conv2.weight": (16, 6, 5, 5),
    "conv2.bias": (16,),
    "fc1.weight": (120, 400),
    "fc1.bias": (120,),
    "fc2.weight": (84, 120),
    "fc2.bias": (84,),
    "fc3.weight": (10, 84),
    "fc3.bias": (10,),
}
WEIGHTS: Shapes = {name: shape for name, shape in LENET5.items() if len(shape) > 1}
DENSE_BYTES = 4 * 62_006
SMALL: Shapes = {
    "z.weight": (4, 3),
    "norm.variance": (5,),
    "a.weight": (2, 3, 2, 2),
    "scale": (),
    "none": (0, 3),
}


def random_arrays(rng: np.random.Generator, shapes: Shapes) -> Arrays:
    return {name: np.asarray(rng.standard_normal(shape), np.float32) for name, shape in shapes.items()}


def random_mask(rng: np.random.Generator, shapes: Shapes, density: float) -> Mask:
    return Mask({name: np.asarray(rng.random(shape) < density) for name, shape in shapes.items()})


def there_and_back(
    arrays: Arrays,
    mask: Mask | None,
    known: Mask,
    maskable: Shapes,
    coding: str = "entropy",
    codec: str = "fp32",
) -> tuple[Arrays, Mask]:
    parts = encode_payload(arrays, mask, known, coding, codec)
    assert set(parts) <= set(PARTS)
    expected = {name: value.shape for name, value in arrays.items()}
    return decode_payload(parts, expected, known, maskable, mask is not None, coding, codec)


@pytest.mark.parametrize("coding", MASK_CODINGS)
@settings(derandomize=True, deadline=None)
@given(
    travelling=st.sets(st.sampled_from(sorted(SMALL))),
    maskable=st.sets(st.sampled_from(sorted(SMALL))),
    density=st.sampled_from([0.0, 0.3, 1.0]),
    known_density=st.sampled_from([0.0, 0.6, 1.0]),
    mask_travels=st.booleans(),
    seed=st.integers(0, 100),
)
def test_decode_inverts_encode_under_any_mask(
    coding: str,
    travelling: set[str],
    maskable: set[str],
    density: float,
    known_density: float,
    mask_travels: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    covered = {name: SMALL[name] for name in SMALL if name in maskable}
    arrays = random_arrays(rng, {name: SMALL[name] for name in SMALL if name in travelling})
    known = random_mask(rng, covered, known_density)
    mask = random_mask(rng, covered, density) if mask_travels else None
    decoded, used = there_and_back(arrays, mask, known, covered, coding)
    under = known if mask is None else mask
    assert used == under
    assert list(decoded) == list(arrays)
    for name, value in under.apply(arrays).items():
        assert decoded[name].dtype == np.float32
        assert np.array_equal(decoded[name], value)


@pytest.mark.parametrize("codec", VALUE_CODECS)
def test_decoded_arrays_are_writable_and_apart(codec: str) -> None:
    decoded, _ = there_and_back(
        random_arrays(np.random.default_rng(0), LENET5), None, Mask(), WEIGHTS, codec=codec
    )
    for value in decoded.values():
        value += 1.0


def test_vectors_stay_exact_whatever_the_value_codec() -> None:
    arrays: Arrays = {
        "w": np.full((2, 2), 1e-9, np.float32),
        "running_var": np.array([1e-9, 3e38], np.float32),
    }
    decoded, _ = there_and_back(arrays, None, Mask({"running_var": np.array([True, True])}), {}, codec="fp16")
    assert np.array_equal(decoded["running_var"], arrays["running_var"])
    assert not decoded["w"].any()


def test_a_dense_model_is_coded_by_the_value_codec_too() -> None:
    parts = encode_payload(random_arrays(np.random.default_rng(0), LENET5), None, Mask(), "entropy", "fp16")
    assert len(parts["values"]) == 2 * 61_770
    assert len(parts["dense"]) == 4 * 236


def test_the_order_of_names_makes_no_difference() -> None:
    rng = np.random.default_rng(1)
    arrays, mask = random_arrays(rng, LENET5), random_mask(rng, WEIGHTS, 0.5)
    turned = {name: arrays[name] for name in reversed(list(arrays))}
    assert encode_payload(turned, mask, Mask(), "entropy", "fp32") == encode_payload(
        arrays, mask, Mask(), "entropy", "fp32"
    )


def test_nothing_to_send_makes_no_parts() -> None:
    assert encode_payload({}, None, Mask(), "entropy", "fp32") == {}
    assert decode_payload({}, {}, Mask(), WEIGHTS, False, "entropy", "fp32") == ({}, Mask())


def test_a_mask_alone_may_travel() -> None:
    mask = random_mask(np.random.default_rng(2), WEIGHTS, 0.4)
    assert there_and_back({}, mask, Mask(), WEIGHTS) == ({}, mask)


@pytest.mark.parametrize(("codec", "factor"), [("fp32", 1.85), ("fp16", 3.5)])
def test_lenet5_at_half_density_is_that_many_times_smaller_than_dense(codec: str, factor: float) -> None:
    rng = np.random.default_rng(3)
    parts = encode_payload(
        random_arrays(rng, LENET5), random_mask(rng, WEIGHTS, 0.5), Mask(), "entropy", codec
    )
    assert factor * len(pack(parts)) <= DENSE_BYTES


def test_overhead_of_a_dense_lenet5_is_at_most_a_hundred_bytes() -> None:
    parts = encode_payload(random_arrays(np.random.default_rng(4), LENET5), None, Mask(), "entropy", "fp32")
    assert len(pack(parts)) <= DENSE_BYTES + 100


def test_a_mask_must_travel_exactly_when_it_is_expected() -> None:
    mask = Mask({"w": np.array([[True, False]])})
    parts = encode_payload({}, mask, Mask(), "entropy", "fp32")
    with pytest.raises(CodecError, match="should not travel"):
        decode_payload(parts, {}, Mask(), {"w": (1, 2)}, False, "entropy", "fp32")
    with pytest.raises(CodecError, match="is not there"):
        decode_payload({}, {}, Mask(), {"w": (1, 2)}, True, "entropy", "fp32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["values", "dense"])
def test_values_that_are_not_finite_are_refused(value: float, part: str) -> None:
    parts = {"values": bytes(8), "dense": bytes(8)} | {part: np.array([1.0, value], np.float32).tobytes()}
    with pytest.raises(CodecError, match="NaN or inf in values"):
        decode_payload(parts, {"w": (1, 2), "b": (2,)}, Mask(), {}, False, "entropy", "fp32")


def test_halves_that_are_not_finite_are_refused() -> None:
    with pytest.raises(CodecError, match="NaN or inf in values"):
        decode_payload({"values": b"\x00\x7c"}, {"w": (1, 1)}, Mask(), {}, False, "entropy", "fp16")


def test_missing_and_surplus_values_are_refused() -> None:
    for size in (0, 4, 12):
        with pytest.raises(CodecError, match=f"values: {size} bytes, 8 are expected"):
            decode_payload({"values": bytes(size)}, {"w": (1, 2)}, Mask(), {}, False, "entropy", "fp32")
    with pytest.raises(CodecError, match="0 are expected"):
        decode_payload({"dense": bytes(4)}, {}, Mask(), {}, False, "entropy", "fp32")


@pytest.mark.parametrize("coding", MASK_CODINGS)
@pytest.mark.parametrize("codec", VALUE_CODECS)
def test_mutated_parts_raise_only_codec_errors(coding: str, codec: str) -> None:
    rng = np.random.default_rng(5)
    shapes: Shapes = {"conv.weight": (6, 3, 3, 3), "fc.weight": (10, 20), "fc.bias": (10,)}
    maskable = {name: shapes[name] for name in ("conv.weight", "fc.weight")}
    known = random_mask(rng, maskable, 0.7)
    whole = encode_payload(random_arrays(rng, shapes), random_mask(rng, maskable, 0.4), known, coding, codec)
    for _ in range(1000):
        name = PARTS[rng.integers(3)]
        mutated = bytearray(whole[name])
        for place in rng.integers(0, len(mutated), rng.integers(1, 4)):
            mutated[place] = rng.integers(256)
        parts = whole | {name: bytes(mutated[: len(mutated) - int(rng.integers(3)) * int(rng.integers(3))])}
        try:
            arrays, mask = decode_payload(parts, shapes, known, maskable, True, coding, codec)
        except CodecError:
            continue
        assert {name: value.shape for name, value in arrays.items()} == shapes
        assert all(np.isfinite(value).all() for value in arrays.values())
        assert mask.keys() == maskable.keys()


def test_arrays_that_diverged_or_do_not_fit_their_mask_are_not_sent() -> None:
    with pytest.raises(ValueError, match="NaN or inf"):
        encode_payload({"b": np.array([np.nan], np.float32)}, None, Mask(), "entropy", "fp32")
    with pytest.raises(ValueError, match="mask of w"):
        encode_payload(
            {"w": np.ones((2, 2), np.float32)}, None, Mask({"w": np.ones(4, np.bool_)}), "entropy", "fp32"
        )
