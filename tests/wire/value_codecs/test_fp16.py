import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.value_codecs import fp16


@settings(derandomize=True, deadline=None)
@given(st.lists(st.floats(-65504, 65504, width=32), max_size=30))
def test_values_come_back_within_half_a_step(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    error = np.abs(fp16.decode(fp16.encode(values), values.size) - values)
    assert np.all(error <= np.maximum(np.abs(values) * 2.0**-11, 2.0**-25))


def test_large_values_saturate() -> None:
    values = np.array([1e30, -1e30, 65519.0, 65520.0, np.finfo(np.float32).max], np.float32)
    largest = 65504.0
    assert fp16.decode(fp16.encode(values), 5).tolist() == [largest, -largest, largest, largest, largest]


def test_a_half_costs_two_bytes() -> None:
    assert len(fp16.encode(np.ones(7, np.float32))) == 14
