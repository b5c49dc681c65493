"""What every entropy coder must hold, one more plug-in or not."""

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune import plugins
from fedprune.wire.entropy_coders import EntropyCoder
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Symbols

CODERS = plugins.names("entropy_coders")
LEVELS = [2, 3, 4, 5, 8, 15, 16, 17, 64, 255, 256, 257, 1000, 4096, 65_535, 65_536]
Runs = tuple[list[Symbols], list[Alphabet]]


def load(coder: str) -> EntropyCoder:
    return plugins.load("entropy_coders", coder)  # type: ignore[return-value]


def symbols(rng: np.random.Generator, alphabet: Alphabet, kind: str) -> Symbols:
    """Symbols spread evenly, like a bell, all the same, or the first and the last only."""
    count, levels = alphabet.count, alphabet.levels
    dtype = rng.choice([np.int32, np.uint16] if levels > 256 else [np.int32, np.uint16, np.uint8])
    if kind == "bell":
        drawn = np.clip(np.rint(rng.normal(levels / 2, levels / 9, count)), 0, levels - 1)
    elif kind == "same":
        drawn = np.full(count, rng.integers(levels))
    elif kind == "ends":
        drawn = rng.integers(2, size=count) * (levels - 1)
    else:
        drawn = rng.integers(levels, size=count)
    return drawn.astype(dtype)


@st.composite
def cases(draw: st.DrawFn) -> Runs:
    """Runs of several alphabets, some empty, some alike."""
    counts = st.sampled_from([0, 1, 2, 7, 64, 700])
    alphabets = [
        Alphabet(count, levels)
        for count, levels in draw(st.lists(st.tuples(counts, st.sampled_from(LEVELS)), max_size=6))
    ]
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    kinds = st.sampled_from(["even", "bell", "same", "ends"])
    return [symbols(rng, alphabet, draw(kinds)) for alphabet in alphabets], alphabets


def assert_in_range(runs: Sequence[Symbols], alphabets: Sequence[Alphabet]) -> None:
    assert [run.size for run in runs] == [alphabet.count for alphabet in alphabets]
    for run, alphabet in zip(runs, alphabets, strict=True):
        assert run.dtype in (np.int32, np.int16, np.uint16, np.uint8)
        assert not run.size or 0 <= int(run.min()) <= int(run.max()) < alphabet.levels


@pytest.mark.parametrize("coder", CODERS)
@settings(derandomize=True, deadline=None)
@given(case=cases())
def test_decode_inverts_encode(coder: str, case: Runs) -> None:
    runs, alphabets = case
    decoded = load(coder).decode(memoryview(load(coder).encode(runs, alphabets)), alphabets)
    assert_in_range(decoded, alphabets)
    for run, found in zip(runs, decoded, strict=True):
        np.testing.assert_array_equal(run, found)


@pytest.mark.parametrize("coder", CODERS)
def test_a_million_symbols_survive(coder: str) -> None:
    alphabets = [Alphabet(1_000_000, 13), Alphabet(300_000, 700)]
    rng = np.random.default_rng(1)
    runs = [symbols(rng, alphabet, "bell") for alphabet in alphabets]
    decoded = load(coder).decode(load(coder).encode(runs, alphabets), alphabets)
    assert all(np.array_equal(run, found) for run, found in zip(runs, decoded, strict=True))


@pytest.mark.parametrize("coder", CODERS)
def test_nothing_takes_nothing(coder: str) -> None:
    assert load(coder).encode([], []) == b""
    assert load(coder).encode([np.empty(0, np.uint8)], [Alphabet(0, 16)]) == b""
    with pytest.raises(CodecError):
        load(coder).decode(b"\x01", [Alphabet(0, 16)])


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("levels", [2, 16, 256, 65_536])
def test_symbols_without_any_pattern_hardly_expand(coder: str, levels: int) -> None:
    alphabets = [Alphabet(count, levels) for count in (5, 100, 8_000)]
    rng = np.random.default_rng(2)
    runs = [symbols(rng, alphabet, "even") for alphabet in alphabets]
    packed = sum(alphabet.count for alphabet in alphabets) * np.log2(levels) / 8
    # A general compressor's Huffman code may cost some per mille more than the bits.
    assert len(load(coder).encode(runs, alphabets)) <= 1.01 * packed + 16


@pytest.mark.parametrize("coder", CODERS)
def test_missing_and_additional_bytes_are_refused(coder: str) -> None:
    alphabets = [Alphabet(300, 16), Alphabet(50, 300)]
    rng = np.random.default_rng(3)
    data = load(coder).encode([symbols(rng, alphabet, "bell") for alphabet in alphabets], alphabets)
    for wrong in (b"", data[:1], data[: len(data) // 2], data[:-1], data + b"\0", data + b"\1", data + data):
        with pytest.raises(CodecError):
            load(coder).decode(wrong, alphabets)


def mutated(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """A copy with bits flipped, bytes replaced, cut, added, or with a piece of something else in it."""
    changed = bytearray(data[: rng.integers(1, len(data) + 1)] if rng.random() < 0.3 else data)
    for place in rng.integers(0, len(changed), rng.integers(1, 4)):
        changed[place] = rng.choice([rng.integers(256), changed[place] ^ 1 << rng.integers(8), 255, 0])
    if rng.random() < 0.3:
        start, end = sorted(rng.integers(0, len(other) + 1, 2))
        changed[rng.integers(len(changed)) :] = other[start:end]
    if rng.random() < 0.2:
        changed += rng.bytes(int(rng.integers(1, 20)))
    return bytes(changed)


def attack(coder: str, case: Runs, seed: int, times: int) -> None:
    runs, alphabets = case
    if not any(alphabet.count for alphabet in alphabets):
        return
    rng = np.random.default_rng(seed)
    module = load(coder)
    data = module.encode(runs, alphabets)
    other = module.encode([symbols(rng, alphabet, "even") for alphabet in alphabets[::-1]], alphabets[::-1])
    for _ in range(times):
        try:
            assert_in_range(module.decode(mutated(rng, data, other), alphabets), alphabets)
        except CodecError:
            continue


@pytest.mark.parametrize("coder", CODERS)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(case=cases(), seed=st.integers(0, 1000))
def test_mutated_bytes_raise_only_codec_errors(coder: str, case: Runs, seed: int) -> None:
    attack(coder, case, seed, times=25)


@pytest.mark.slow
@pytest.mark.parametrize("coder", CODERS)
@settings(derandomize=True, deadline=None, max_examples=1000)
@given(case=cases(), seed=st.integers(0, 1000))
def test_many_more_mutated_bytes_raise_only_codec_errors(coder: str, case: Runs, seed: int) -> None:
    attack(coder, case, seed, times=250)


@pytest.mark.parametrize("coder", CODERS)
def test_memory_is_bounded_by_the_alphabets_whatever_the_bytes_say(coder: str) -> None:
    alphabets = [Alphabet(10, 65_536), Alphabet(3_000, 16)]
    rng = np.random.default_rng(6)
    for _ in range(60):
        data = rng.choice([b"\0", b"\xff", b"\x01\x00", b"\x02\xff\xff\xff\x7f"]) * 50_000
        data = data[rng.integers(8) : 100_000]
        tracemalloc.start()
        try:
            load(coder).decode(data, alphabets)
        except CodecError:
            pass
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        # The bytes themselves may be copied, and a histogram of 65,536 entries be read.
        assert peak < 4_000_000
