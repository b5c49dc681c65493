"""What every value codec must hold, one more plug-in or not."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fedprune import plugins
from fedprune.wire.errors import CodecError

CODECS = plugins.names("value_codecs")
VALUES = hnp.arrays(np.float32, st.integers(0, 50), elements=st.floats(-1e4, 1e4, width=32))


@pytest.mark.parametrize("codec", CODECS)
@settings(derandomize=True, deadline=None)
@given(values=VALUES)
def test_as_many_float32_values_come_back_as_went_in(codec: str, values: np.ndarray) -> None:
    module = plugins.load("value_codecs", codec)
    data = module.encode(values)
    decoded = module.decode(memoryview(data), values.size)
    assert decoded.dtype == np.float32
    assert decoded.shape == values.shape
    assert len(data) <= module.max_bytes(values.size)
    if module.LOSSLESS:
        assert decoded.tobytes() == values.tobytes()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_not_sent(codec: str, value: float) -> None:
    with pytest.raises(ValueError, match="NaN or inf"):
        plugins.load("value_codecs", codec).encode(np.array([0.5, value, 1.0], np.float32))


@pytest.mark.parametrize("codec", CODECS)
def test_wrong_lengths_are_noticed_before_anything_is_allocated(codec: str) -> None:
    module = plugins.load("value_codecs", codec)
    data = module.encode(np.ones(10, np.float32))
    tracemalloc.start()
    for count in (9, 11, 0, 10**13):
        with pytest.raises(CodecError, match="bytes"):
            module.decode(data, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
