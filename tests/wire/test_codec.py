from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.codec import PARTS, Reference, decode_payload, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.frame import pack
from fedprune.wire.pipeline import Keys, Pipeline
from fedprune.wire.quantizers._bytes import split_bytes

MASK_CODINGS = plugins.names("mask_codings")
QUANTIZERS = plugins.names("quantizers")
CODERS = plugins.names("entropy_coders")
KEYS = Keys(seed=0, way="up", round=1, client=0)
NOTHING = Reference(Mask())

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


def pipeline(coding: str = "entropy", quantizer: str = "fp32", **stages: Any) -> Pipeline:
    return Pipeline(coding, plugins.dataclass_of("quantizers", quantizer)(), **stages)


def there_and_back(
    arrays: Arrays, mask: Mask | None, known: Mask, maskable: Shapes, used: Pipeline
) -> tuple[Arrays, Mask]:
    parts = encode_payload(arrays, mask, Reference(known), used, KEYS).parts
    assert set(parts) <= set(PARTS)
    expected = {name: value.shape for name, value in arrays.items()}
    decoded = decode_payload(parts, expected, Reference(known), maskable, mask is not None, used, KEYS)
    return decoded.arrays, decoded.mask


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
    decoded, used = there_and_back(arrays, mask, known, covered, pipeline(coding))
    under = known if mask is None else mask
    assert used == under
    assert list(decoded) == list(arrays)
    for name, value in under.apply(arrays).items():
        assert decoded[name].dtype == np.float32
        assert np.array_equal(decoded[name], value)


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_decoded_arrays_are_writable_and_apart(quantizer: str) -> None:
    arrays = random_arrays(np.random.default_rng(0), LENET5)
    decoded, _ = there_and_back(arrays, None, Mask(), WEIGHTS, pipeline(quantizer=quantizer))
    for value in decoded.values():
        value += 1.0


def test_vectors_stay_exact_whatever_the_quantizer() -> None:
    arrays: Arrays = {
        "w": np.full((2, 2), 1e-9, np.float32),
        "running_var": np.array([1e-9, 3e38], np.float32),
    }
    decoded, _ = there_and_back(
        arrays, None, Mask({"running_var": np.array([True, True])}), {}, pipeline(quantizer="fp16")
    )
    assert np.array_equal(decoded["running_var"], arrays["running_var"])
    assert not decoded["w"].any()


def test_a_dense_model_is_quantized_too() -> None:
    arrays = random_arrays(np.random.default_rng(0), LENET5)
    parts = encode_payload(arrays, None, NOTHING, pipeline(quantizer="fp16"), KEYS).parts
    assert len(parts["values"]) == 2 * 61_770
    assert len(parts["dense"]) == 4 * 236


def test_bytes_of_values_travel_the_highest_first_without_an_entropy_coder() -> None:
    arrays = {"w": np.array([[1.0, -2.0]], np.float32), "b": np.array([[0.5]], np.float32)}
    parts = encode_payload(arrays, None, NOTHING, Pipeline(), KEYS).parts
    # 0x3F000000 << 1 for 0.5; then 0x3F800000 << 1 and 0xC0000000 << 1 | 1, the first bytes of both first.
    assert {name: part.hex() for name, part in parts.items()} == {
        "values": "7e000000" + "7f80" + "00000000" + "0001"
    }


@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("coder", CODERS)
def test_the_order_of_names_makes_no_difference(quantizer: str, coder: str) -> None:
    rng = np.random.default_rng(1)
    arrays, mask = random_arrays(rng, LENET5), random_mask(rng, WEIGHTS, 0.5)
    turned = {name: arrays[name] for name in reversed(list(arrays))}
    used = pipeline(quantizer=quantizer, entropy=coder)
    one, other = (encode_payload(each, mask, NOTHING, used, KEYS) for each in (turned, arrays))
    assert one == other


def test_nothing_to_send_makes_no_parts() -> None:
    used = pipeline(sparsify=0.1, base="tracked", feedback="residual")
    assert encode_payload({}, None, NOTHING, used, KEYS).parts == {}
    decoded = decode_payload({}, {}, NOTHING, WEIGHTS, False, used, KEYS)
    assert (decoded.arrays, decoded.mask) == ({}, Mask())


def test_a_mask_alone_may_travel() -> None:
    mask = random_mask(np.random.default_rng(2), WEIGHTS, 0.4)
    assert there_and_back({}, mask, Mask(), WEIGHTS, Pipeline()) == ({}, mask)


@pytest.mark.parametrize(("quantizer", "factor"), [("fp32", 1.85), ("fp16", 3.5)])
def test_lenet5_at_half_density_is_that_many_times_smaller_than_dense(quantizer: str, factor: float) -> None:
    rng = np.random.default_rng(3)
    arrays, mask = random_arrays(rng, LENET5), random_mask(rng, WEIGHTS, 0.5)
    parts = encode_payload(arrays, mask, NOTHING, pipeline(quantizer=quantizer), KEYS).parts
    assert factor * len(pack(parts)) <= DENSE_BYTES


def test_overhead_of_a_dense_lenet5_is_at_most_a_hundred_bytes() -> None:
    arrays = random_arrays(np.random.default_rng(4), LENET5)
    parts = encode_payload(arrays, None, NOTHING, Pipeline(), KEYS).parts
    assert len(pack(parts)) <= DENSE_BYTES + 100


def test_a_mask_must_travel_exactly_when_it_is_expected() -> None:
    mask = Mask({"w": np.array([[True, False]])})
    parts = encode_payload({}, mask, NOTHING, Pipeline(), KEYS).parts
    with pytest.raises(CodecError, match="should not travel"):
        decode_payload(parts, {}, NOTHING, {"w": (1, 2)}, False, Pipeline(), KEYS)
    with pytest.raises(CodecError, match="is not there"):
        decode_payload({}, {}, NOTHING, {"w": (1, 2)}, True, Pipeline(), KEYS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["values", "dense"])
def test_values_that_are_not_finite_are_refused(value: float, part: str) -> None:
    bits = np.array([1.0, value], np.float32).view(np.uint32)
    spelt = {
        "values": b"".join(run.tobytes() for run in split_bytes(bits)),
        "dense": bits.astype("<u4").tobytes(),
    }
    parts = {"values": bytes(8), "dense": bytes(8), part: spelt[part]}
    with pytest.raises(CodecError, match="NaN or inf in values"):
        decode_payload(parts, {"w": (1, 2), "b": (2,)}, NOTHING, {}, False, Pipeline(), KEYS)


def test_halves_that_are_not_finite_are_refused() -> None:
    with pytest.raises(CodecError, match="NaN or inf in values"):
        decode_payload(
            {"values": b"\xf8\x00"}, {"w": (1, 1)}, NOTHING, {}, False, pipeline(quantizer="fp16"), KEYS
        )


def test_missing_and_surplus_values_are_refused() -> None:
    for size in (4, 12):
        with pytest.raises(CodecError, match=f"values: {size} bytes, 8 are expected"):
            decode_payload({"values": bytes(size)}, {"w": (1, 2)}, NOTHING, {}, False, Pipeline(), KEYS)
    with pytest.raises(CodecError, match="values: an empty part does not travel"):
        decode_payload({"values": b""}, {"w": (1, 2)}, NOTHING, {}, False, Pipeline(), KEYS)
    with pytest.raises(CodecError, match="0 are expected"):
        decode_payload({"dense": bytes(4)}, {}, NOTHING, {}, False, Pipeline(), KEYS)


MIXED: Shapes = {"conv.weight": (6, 3, 3, 3), "fc.weight": (10, 20), "fc.bias": (10,)}
COVERED: Shapes = {name: MIXED[name] for name in ("conv.weight", "fc.weight")}


def mutated_parts_raise_only_codec_errors(used: Pipeline, times: int) -> None:
    rng = np.random.default_rng(5)
    reference = Reference(
        random_mask(rng, COVERED, 0.7), random_arrays(rng, MIXED), random_arrays(rng, COVERED)
    )
    whole = encode_payload(
        random_arrays(rng, MIXED), random_mask(rng, COVERED, 0.4), reference, used, KEYS
    ).parts
    for _ in range(times):
        name = sorted(whole)[rng.integers(len(whole))]
        mutated = bytearray(whole[name])
        for place in rng.integers(0, len(mutated), rng.integers(1, 4)):
            mutated[place] = rng.integers(256)
        parts = whole | {name: bytes(mutated[: len(mutated) - int(rng.integers(3)) * int(rng.integers(3))])}
        try:
            decoded = decode_payload(parts, MIXED, reference, COVERED, True, used, KEYS)
        except CodecError:
            continue
        assert {name: value.shape for name, value in decoded.arrays.items()} == MIXED
        assert all(np.isfinite(value).all() for value in (decoded.arrays | decoded.tracked).values())
        assert decoded.mask.keys() == COVERED.keys()


@pytest.mark.parametrize("coding", MASK_CODINGS)
def test_mutated_parts_raise_only_codec_errors_under_any_mask_coding(coding: str) -> None:
    mutated_parts_raise_only_codec_errors(pipeline(coding), 500)
    mutated_parts_raise_only_codec_errors(pipeline(coding, sparsify=0.3, base="tracked"), 300)


@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("coder", CODERS)
def test_mutated_parts_raise_only_codec_errors_through_any_stages(quantizer: str, coder: str) -> None:
    mutated_parts_raise_only_codec_errors(pipeline(quantizer=quantizer, entropy=coder), 300)


def test_arrays_that_diverged_or_do_not_fit_their_mask_are_not_sent() -> None:
    with pytest.raises(ValueError, match="NaN or inf"):
        encode_payload({"b": np.array([np.nan], np.float32)}, None, NOTHING, Pipeline(), KEYS)
    with pytest.raises(ValueError, match="mask of w"):
        encode_payload(
            {"w": np.ones((2, 2), np.float32)},
            None,
            Reference(Mask({"w": np.ones(4, np.bool_)})),
            Pipeline(),
            KEYS,
        )


@pytest.mark.parametrize("base", ["weights", "update", "tracked"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_kernels_that_diverged_are_not_sent_against_any_base(base: Any, value: float) -> None:
    reference = Reference(Mask(), {"w": np.ones((1, 2), np.float32)})
    with pytest.raises(ValueError, match="NaN or inf"):
        encode_payload(
            {"w": np.array([[1.0, value]], np.float32)}, None, reference, pipeline(base=base), KEYS
        )
