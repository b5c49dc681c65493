"""Sign: the mean magnitude with each value's sign."""

import numpy as np

from fedprune.wire.quantizers.sign import Sign

from .toy import decode, encode, relative_error, there_and_back, whole


def test_each_layer_has_its_mean_magnitude() -> None:
    slots = [whole(2, 2), whole(1, 2)]
    values = [np.array([1, -2, 3, -6], np.float32), np.array([10, 0], np.float32)]
    decoded = decode(Sign(), encode(Sign(), values, slots), slots)
    assert [value.tolist() for value in decoded] == [[3, -3, 3, -3], [5, 5]]


def test_no_other_scale_has_a_smaller_error() -> None:
    values = np.random.default_rng(4).laplace(size=1000).astype(np.float32)
    decoded = there_and_back(Sign(), values)
    ours = relative_error(decoded, values)
    assert all(ours < relative_error(decoded * factor, values) for factor in (0.5, 0.99, 1.01, 2.0))
