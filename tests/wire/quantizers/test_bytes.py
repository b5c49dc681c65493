"""Floats as runs of bytes: exact, and worth an entropy coder's while."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedprune.wire.entropy_coders import ans
from fedprune.wire.quantizers import Alphabet, Symbols
from fedprune.wire.quantizers._bytes import join_bytes, split_bytes


@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
@settings(derandomize=True, deadline=None)
@given(data=st.data())
def test_joining_inverts_splitting(kind: type[np.uint16] | type[np.uint32], data: st.DataObject) -> None:
    bits = data.draw(hnp.arrays(kind, st.integers(0, 40)))
    runs = split_bytes(bits)
    assert [run.dtype.name for run in runs] == ["uint8"] * bits.itemsize
    # What an entropy coder returns may be wider.
    for given_back in (runs, [run.astype(np.int32) for run in runs]):
        assert np.array_equal(join_bytes(given_back, kind), bits)


def test_more_numbers_than_are_split_at_a_time_come_back() -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 100_001, np.uint32)
    assert np.array_equal(join_bytes(split_bytes(bits), np.uint32), bits)


def test_the_sign_stands_behind_the_exponent_and_the_mantissa() -> None:
    bits = np.array([-1.5, 1.5], np.float16).view(np.uint16)  # 0xBE00, 0x3E00
    assert [run.tolist() for run in split_bytes(bits)] == [[0x7C, 0x7C], [0x01, 0x00]]


@pytest.mark.parametrize(("kind", "most"), [(np.float16, 0.86), (np.float32, 0.86)])
def test_apart_the_bytes_of_normal_values_take_less(kind: type[np.floating], most: float) -> None:
    values = (0.05 * np.random.default_rng(1).standard_normal(30_000)).astype(kind)
    runs: list[Symbols] = split_bytes(values.view(f"u{values.itemsize}"))
    apart = len(ans.encode(runs, [Alphabet(run.size, 256) for run in runs]))
    assert apart < most * values.nbytes
    together = values.view(np.uint8)
    assert apart < 0.95 * len(ans.encode([together], [Alphabet(together.size, 256)]))
