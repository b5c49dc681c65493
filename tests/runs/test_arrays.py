"""Arrays come back bit for bit, or with an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedprune.runs.arrays import DTYPES, DamagedError, pack, unpack
from fedprune.types import Arrays

anything = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=4,
)


def assert_same(left: Arrays, right: Arrays) -> None:
    assert list(left) == list(right)
    for name in left:
        assert left[name].dtype == right[name].dtype
        assert left[name].shape == right[name].shape
        assert left[name].tobytes() == right[name].tobytes()


@settings(derandomize=True, deadline=None)
@given(anything)
def test_unpack_inverts_pack_and_keeps_the_order(arrays: Arrays) -> None:
    found = unpack(pack(arrays))
    assert_same(found, arrays)
    assert all(array.flags.writeable for array in found.values())


def test_a_transposed_or_strided_view_keeps_its_values() -> None:
    base = np.arange(12, dtype=np.int64).reshape(3, 4)
    views = {"transposed": base.T, "strided": base[::2, ::-1], "big_endian": base.astype(">i8")}
    found = unpack(pack(views))
    assert all(np.array_equal(found[name], views[name]) for name in views)


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.zeros(2, np.float16)},
        {"x": np.zeros(2, np.complex64)},
        {"x": np.array([None])},
        {"__metadata__": np.zeros(1)},
    ],
)
def test_what_the_format_cannot_hold_is_refused(arrays: Arrays) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        pack(arrays)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.data())
def test_any_damage_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(
        pack({"w": np.arange(6, dtype=np.float32), "m": np.array([True, False]), "e": np.zeros(0)})
    )
    if data.draw(st.booleans()):
        bit = data.draw(st.integers(0, len(blob) * 8 - 1))
        blob[bit // 8] ^= 1 << bit % 8
    else:
        del blob[data.draw(st.integers(0, len(blob) - 1)) :]
    with pytest.raises(DamagedError):
        unpack(bytes(blob))


@settings(derandomize=True, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_damage(blob: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(blob)
