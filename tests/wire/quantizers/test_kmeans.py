"""k-means: levels where the values are."""

import numpy as np
import pytest

from fedprune.wire.quantizers.kmeans import KMeans

from .toy import kept, relative_error, there_and_back, whole


def test_as_many_different_values_as_levels_come_back() -> None:
    values = np.random.default_rng(15).choice(np.array([-1, -0.5, 0.125, 2], np.float32), 500)
    assert np.array_equal(there_and_back(KMeans(2), values), values)


def test_as_few_values_as_levels_come_back() -> None:
    values = np.array([3, -1, 0.5], np.float32)
    assert there_and_back(KMeans(4), values).tolist() == pytest.approx(values.tolist(), rel=1e-3)
    assert KMeans(4).side_bytes([whole(3), kept((5, 5), [1]), whole(0)]) == 4 * 3 + 2 * (3 + 2 + 2)


@pytest.mark.parametrize(
    ("bits", "best"), [(1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497), (6, 0.00065)]
)
def test_normal_values_are_within_five_per_cent_of_the_best_levels(bits: int, best: float) -> None:
    """Of Max 1960 for 1 to 4 bits, of Panter and Dite's formula, 2.72 / 4^bits, for 6."""
    values = np.random.default_rng(16).standard_normal(50_000).astype(np.float32)
    assert relative_error(there_and_back(KMeans(bits), values), values) < 1.05 * best


@pytest.mark.parametrize("bits", [0, 9])
def test_bits_out_of_range_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=r"^bits: "):
        KMeans(bits)
