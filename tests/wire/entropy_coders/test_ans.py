import numpy as np
import pytest

from fedprune.wire.entropy_coders import ans
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet, Symbols


def entropy_bytes(run: Symbols) -> float:
    """The empirical entropy of independent symbols."""
    counts = np.bincount(run)
    counts = counts[counts > 0]
    return float(counts @ np.log2(run.size / counts)) / 8


def bell(levels: int, count: int, spread: float = 8) -> Symbols:
    drawn = np.random.default_rng(levels + count).normal(levels / 2, levels / spread, count)
    return np.clip(np.rint(drawn), 0, levels - 1).astype(np.int32)


@pytest.mark.parametrize("levels", [2, 3, 4, 8, 16, 64, 256])
def test_a_frame_of_64_kib_is_within_one_per_cent_of_the_empirical_entropy(levels: int) -> None:
    run = bell(levels, 65_536 * 8 // (levels - 1).bit_length(), spread=5)
    assert len(ans.encode([run], [Alphabet(run.size, levels)])) <= 1.01 * entropy_bytes(run)


def test_a_histogram_of_256_levels_costs_some_hundred_bytes_at_most() -> None:
    run = bell(256, 11_000)
    assert len(ans.encode([run], [Alphabet(run.size, 256)])) <= entropy_bytes(run) + 100


def test_short_runs_of_large_alphabets_take_a_coarse_histogram() -> None:
    run = bell(65_536, 5_000)
    data = ans.encode([run], [Alphabet(run.size, 65_536)])
    # The bell itself has 15.05 bits a symbol; five thousand symbols' own histogram would claim 12.3.
    assert len(data) <= 1.01 * run.size * 15.05 / 8


def test_runs_alike_share_a_histogram_and_others_do_not() -> None:
    alike = [bell(64, 400), bell(64, 401), bell(64, 402)]
    alphabets = [Alphabet(run.size, 64) for run in alike]
    apart = sum(len(ans.encode([run], [alphabet])) for run, alphabet in zip(alike, alphabets, strict=True))
    assert len(ans.encode(alike, alphabets)) <= apart - 20
    unlike = [bell(64, 4_000), 63 - bell(64, 4_000, spread=40)]
    alphabets = [Alphabet(run.size, 64) for run in unlike]
    assert len(ans.encode(unlike, alphabets)) <= sum(map(entropy_bytes, unlike)) + 80


def test_runs_without_any_pattern_cost_their_bits_and_a_few_bytes() -> None:
    rng = np.random.default_rng(4)
    runs = [rng.integers(16, size=1000) for _ in range(20)]
    assert len(ans.encode(runs, [Alphabet(1000, 16)] * 20)) <= 20 * 500 + 8


def test_symbols_that_are_all_the_same_cost_next_to_nothing() -> None:
    run = np.full(100_000, 200)
    assert len(ans.encode([run], [Alphabet(run.size, 256)])) <= 240


def test_the_coded_bytes_are_pinned() -> None:
    runs = [np.arange(100) % 7 % 4, np.arange(40) * 37 % 5, np.arange(9) * 7000]
    alphabets = [Alphabet(100, 4), Alphabet(40, 5), Alphabet(9, 65_536)]
    assert ans.encode(runs, alphabets).hex() == (
        "0102010301100068bfc0dab88810a40852606d581bb09e2327df5b6687df94b7"
        "efebf4fdca243949784e9293a4e4243909494e929393e4243939494e1239f912"
    )


def test_symbols_beyond_their_alphabet_are_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="a symbol of 4 levels is 4") as caught:
        ans.encode([np.array([0, 4])], [Alphabet(2, 4)])
    assert not isinstance(caught.value, CodecError)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "varint"),
        (b"\x00", "a model for 0 runs"),
        (b"\x02", "a model for 2 runs, 1 are left"),
        (b"\x01", "no shift"),
        (b"\x01\x03", "no shift for a model of 4 levels"),
        (b"\x01\x00\x21", "no Rice parameter"),
        (b"\x01\x00\x00\x09", "cut short"),
        (b"\x01\x00\x00\x01\x7f", "does not fit its length"),
        (b"\x01\x00\x00\x01\x00\x01", "a histogram is empty"),
        (b"\x01\x00\x00\x01\x01\x01", "beyond"),
        (b"\x01\x02", "no coded symbols"),
        (b"\x01\x02\x01\x00", "a zero byte behind them"),
        (b"\x01\x02\x01", "do not end where their bytes do"),
    ],
)
def test_malformed_runs_name_their_fault(data: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        ans.decode(data, [Alphabet(6, 4)])
