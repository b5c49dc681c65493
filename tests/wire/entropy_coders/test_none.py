import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.entropy_coders import none
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet


@settings(derandomize=True, deadline=None)
@given(levels=st.integers(2, 65_536), count=st.integers(0, 40), seed=st.integers(0, 99))
def test_a_run_takes_a_fixed_number_of_bits_and_comes_back(levels: int, count: int, seed: int) -> None:
    run = np.random.default_rng(seed).integers(0, levels, count)
    alphabet = Alphabet(count, levels)
    data = none.encode([run], [alphabet])
    bits = 8 / 5 if levels == 3 else int(levels - 1).bit_length()
    assert len(data) == np.ceil(count * bits / 8)
    assert np.array_equal(none.decode(data, [alphabet])[0], run)


@pytest.mark.parametrize("levels", [2, 3, 4, 8, 16, 64, 128, 256, 1000, 65_536])
def test_long_runs_come_back(levels: int) -> None:
    run = np.random.default_rng(0).integers(0, levels, 3 * (1 << 16) + 5)
    alphabet = Alphabet(run.size, levels)
    assert np.array_equal(none.decode(none.encode([run], [alphabet]), [alphabet])[0], run)


def test_each_run_begins_at_a_whole_byte() -> None:
    alphabets = [Alphabet(3, 2), Alphabet(2, 16), Alphabet(2, 256), Alphabet(5, 3)]
    runs = [np.array(run) for run in ([1, 0, 1], [2, 15], [7, 255], [2, 0, 1, 0, 1])]
    data = none.encode(runs, alphabets)
    assert data == bytes([0b101, 0xF2, 7, 255, 2 + 9 + 81])
    assert [run.tolist() for run in none.decode(data, alphabets)] == [run.tolist() for run in runs]


@pytest.mark.parametrize(
    ("data", "alphabet", "said"),
    [
        (bytes([243]), Alphabet(5, 3), "five symbols of three levels make 243"),
        (bytes([3]), Alphabet(1, 3), "beyond the last symbol"),
        (bytes([4]), Alphabet(2, 2), "beyond the last symbol"),
        (bytes([0x10]), Alphabet(1, 16), "beyond the last symbol"),
        (bytes([0x0F]), Alphabet(2, 15), "a symbol of 15 levels is 15"),
        (bytes([0xFF, 0x03]), Alphabet(1, 1000), "a symbol of 1000 levels is 1023"),
        (bytes(2), Alphabet(1, 256), "2 bytes, 1 are expected"),
        (b"", Alphabet(10**13, 16), "0 bytes, 5000000000000 are expected"),
    ],
)
def test_bytes_that_are_no_such_run_are_refused(data: bytes, alphabet: Alphabet, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        none.decode(data, [alphabet])
