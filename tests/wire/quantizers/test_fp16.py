import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.pipeline import Keys, Pipeline
from fedprune.wire.quantizers import Slot
from fedprune.wire.quantizers.fp16 import Fp16

KEYS = Keys(0, "up", 1, 0)


def there_and_back(values: np.ndarray) -> np.ndarray:
    slots, pipeline = [Slot("w", (1, values.size), None)], Pipeline(quantizer=Fp16())
    parts = pipeline.encode_values([values], slots, KEYS)
    assert len(parts.get("values", b"")) == 2 * values.size
    return pipeline.decode_values(parts, slots, KEYS)[0]


@settings(derandomize=True, deadline=None)
@given(st.lists(st.floats(-65504, 65504, width=32), max_size=30))
def test_values_come_back_within_half_a_step(numbers: list[float]) -> None:
    values = np.array(numbers, np.float32)
    error = np.abs(there_and_back(values) - values)
    assert np.all(error <= np.maximum(np.abs(values) * 2.0**-11, 2.0**-25))


def test_large_values_saturate() -> None:
    values = np.array([1e30, -1e30, 65519.0, 65520.0, np.finfo(np.float32).max], np.float32)
    largest = 65504.0
    assert there_and_back(values).tolist() == [largest, -largest, largest, largest, largest]
