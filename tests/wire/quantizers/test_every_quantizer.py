"""What every quantizer must hold, one more plug-in or not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Quantized, Slot

from .toy import decode, encode, whole

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "uniform": [
        {},
        {"bits": 2, "rounding": "stochastic"},
        {"bits": 8, "rounding": "stochastic"},
        {"bits": 3, "scales": "channel"},
    ],
    "ternary": [{}, {"rounding": "nearest"}],
    "drive": [{}, {"scale": "mse"}],
    "eden": [{}, {"rate": 4.0}, {"rate": 0.1}],
    "kmeans": [{}, {"bits": 1}, {"bits": 8}],
    "logarithmic": [{}, {"bits": 2}, {"bits": 8, "octaves": 100.0}],
    "low_rank": [{}, {"share": 0.4}],
}
"""Plug-in -> the options it is tried with beside none."""
EVERY = [
    pytest.param(plugins.dataclass_of("quantizers", name)(**options), id=f"{name}-{place}")
    for name in plugins.names("quantizers")
    for place, options in enumerate(OPTIONS.get(name, [{}]))
]
SPELLS_ANYTHING = ("Fp16", "Fp32")
"""Their symbols are the values' own bytes, NaN among them; whoever decodes a message looks at that."""
HUGE = float(np.finfo(np.float32).max)
VALUES = {
    "zeros": lambda rng, n: np.zeros(n),
    "constant": lambda rng, n: np.full(n, -0.25),
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: rng.standard_normal(n) ** 5,
    "denormal": lambda rng, n: rng.integers(-5, 6, n) * 1.401298464324817e-45,
    "huge": lambda rng, n: rng.choice([HUGE, -HUGE, HUGE / 2, 0.0], n),
    "wide": lambda rng, n: np.ldexp(rng.standard_normal(n), rng.integers(-140, 120, n)),
}
SHAPES = [(), (0,), (1,), (7,), (0, 4), (1, 1), (3, 5), (4, 3, 2, 2), (20, 30)]


@st.composite
def slots_of(draw: st.DrawFn) -> list[Slot]:
    slots = []
    for place, shape in enumerate(draw(st.lists(st.sampled_from(SHAPES), max_size=3))):
        size = int(np.prod(shape))
        density = draw(st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]))
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        places = None if density is None else np.flatnonzero(rng.random(size) < density)
        slots.append(Slot(f"layer{place}.weight", shape, places))
    return slots


def made(kind: str, slots: list[Slot], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [VALUES[kind](rng, slot.size).astype(np.float32) for slot in slots]


def check(quantizer: Any, values: list[np.ndarray], slots: list[Slot]) -> None:
    """Whatever the values: announced sizes, symbols in range, finite values back, the same each time."""
    before = [value.copy() for value in values]
    quantized = encode(quantizer, values, slots)
    assert all(np.array_equal(value, old) for value, old in zip(values, before, strict=True))
    alphabets = quantizer.alphabets(slots)
    assert len(quantized.symbols) == len(alphabets)
    for symbols, alphabet in zip(quantized.symbols, alphabets, strict=True):
        assert symbols.shape == (alphabet.count,)
        assert np.issubdtype(symbols.dtype, np.integer)
        assert 2 <= alphabet.levels <= 65536
        assert not symbols.size or 0 <= symbols.min() <= symbols.max() < alphabet.levels
    assert len(quantized.side) == quantizer.side_bytes(slots)
    again = encode(quantizer, values, slots)
    assert again.side == quantized.side
    assert all(map(np.array_equal, again.symbols, quantized.symbols))
    decoded = decode(quantizer, quantized, slots)
    # What an entropy coder returns may be wider.
    wider = Quantized([symbols.astype(np.int32) for symbols in quantized.symbols], quantized.side)
    for value, other, slot in zip(decoded, decode(quantizer, wider, slots), slots, strict=True):
        assert value.dtype == np.float32
        assert value.shape == (slot.size,)
        assert np.isfinite(value).all()
        assert value.tobytes() == other.tobytes()


@pytest.mark.parametrize("quantizer", EVERY)
@settings(derandomize=True, deadline=None, max_examples=25)
@given(slots=slots_of(), kind=st.sampled_from(sorted(VALUES)), seed=st.integers(0, 99))
def test_values_of_any_size_and_shape_pass(quantizer: Any, slots: list[Slot], kind: str, seed: int) -> None:
    check(quantizer, made(kind, slots, seed), slots)


@pytest.mark.parametrize("quantizer", EVERY)
def test_no_slots_make_nothing(quantizer: Any) -> None:
    check(quantizer, [], [])


@pytest.mark.parametrize("quantizer", EVERY)
@pytest.mark.parametrize("kind", sorted(VALUES))
def test_each_kind_of_values_passes(quantizer: Any, kind: str) -> None:
    slots = [whole(12, 20), Slot("b", (5, 3, 3), np.arange(0, 45, 2)), whole(1, 1)]
    check(quantizer, made(kind, slots, 5), slots)


@pytest.mark.parametrize("quantizer", EVERY)
def test_zeros_come_back_as_zeros(quantizer: Any) -> None:
    slots = [whole(6, 9), whole(1)]
    zeros = [np.zeros(slot.size, np.float32) for slot in slots]
    assert not any(value.any() for value in decode(quantizer, encode(quantizer, zeros, slots), slots))


@pytest.mark.parametrize("quantizer", EVERY)
def test_a_million_values_pass(quantizer: Any) -> None:
    slots = [whole(64, 15_625)]
    values = made("normal", slots, 6)
    quantized = encode(quantizer, values, slots)
    (decoded,) = decode(quantizer, quantized, slots)
    assert decoded @ values[0] > 0.05 * (values[0] @ values[0])


@pytest.mark.parametrize("quantizer", EVERY)
def test_any_symbols_and_side_bytes_give_finite_values_or_a_codec_error(quantizer: Any) -> None:
    if type(quantizer).__name__ in SPELLS_ANYTHING:
        pytest.skip("its symbols are bytes of floats")
    rng = np.random.default_rng(7)
    slots = [whole(8, 20), Slot("b", (4, 3, 3), np.arange(0, 36, 2)), whole(0, 3), whole(1, 1)]
    length = quantizer.side_bytes(slots)
    sound = encode(quantizer, made("normal", slots, 8), slots).side
    extremes = [HUGE, -HUGE, np.inf, -np.inf, np.nan, 1e-45, -0.0, -1.0, 65504.0]
    outcomes = set()
    for _ in range(60):
        symbols = [rng.integers(0, a.levels, a.count) for a in quantizer.alphabets(slots)]
        with np.errstate(over="ignore"):
            floats = rng.choice(extremes, length).astype(rng.choice(["<f4", "<f2"])).tobytes()
        for side in (rng.bytes(length), floats[:length], b"\xff\x7f" * (length // 2), sound):
            try:
                decoded = decode(quantizer, Quantized(symbols, side), slots)
            except CodecError:
                outcomes.add("refused")
                continue
            outcomes.add("decoded")
            assert [value.shape for value in decoded] == [(slot.size,) for slot in slots]
            assert all(np.isfinite(value).all() for value in decoded)
    assert outcomes


@pytest.mark.parametrize("quantizer", EVERY)
def test_side_information_of_another_length_is_refused(quantizer: Any) -> None:
    if type(quantizer).__name__ in SPELLS_ANYTHING:
        pytest.skip("it has no side information")
    slots = [whole(8, 20), whole(3, 3)]
    quantized = encode(quantizer, made("normal", slots, 9), slots)
    for side in (quantized.side + b"\0", quantized.side + bytes(4), quantized.side[:-1] or b"\0"):
        with pytest.raises(CodecError, match="side"):
            decode(quantizer, Quantized(quantized.symbols, side), slots)
