"""The rotation: a Hadamard transform of signs that inverts itself but for a factor, and the blocks it is cut
in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.wire.quantizers._rotation import LARGEST_BLOCK, block_sizes, hadamard, rotate, rotate_back


@pytest.mark.parametrize("order", range(8))
def test_the_transform_is_that_of_sylvesters_matrix(order: int) -> None:
    matrix = np.ones((1, 1))
    for _ in range(order):
        matrix = np.kron([[1, 1], [1, -1]], matrix)
    values = np.random.default_rng(order).integers(-9, 9, 1 << order).astype(np.float32)
    assert hadamard(values.copy()).tolist() == (matrix @ values).tolist()


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (37, 64), (4096, 4096), (50_000, 65_536)])
def test_rotating_back_inverts_and_norms_are_kept(count: int, size: int) -> None:
    values = np.random.default_rng(11).standard_normal(count).astype(np.float32)
    rotated = rotate(values, size, np.random.default_rng(12))
    assert np.square(rotated).sum() == pytest.approx(size * np.square(values).sum(), rel=1e-5)
    back = rotate_back(rotated, count, np.random.default_rng(12)) / size
    assert np.abs(back - values).max() < 1e-5


def test_rotated_values_look_normal_whatever_they_were() -> None:
    values = np.random.default_rng(13).standard_normal(1 << 14).astype(np.float32) ** 5
    rotated = rotate(values, values.size, np.random.default_rng(14)) / np.linalg.norm(values)
    assert np.mean(rotated**4) == pytest.approx(3, rel=0.05)


@settings(derandomize=True, deadline=None)
@given(count=st.integers(0, 300_000), overhead=st.sampled_from([8.0, 32.0, 320.0]))
def test_blocks_hold_all_values_and_waste_a_few_per_cent(count: int, overhead: float) -> None:
    sizes = block_sizes(count, overhead)
    assert all(size & (size - 1) == 0 and size <= LARGEST_BLOCK for size in sizes)
    assert sum(sizes[:-1]) <= max(0, count - 1)
    assert sum(sizes) >= count
    cost = sum(sizes) + overhead * len(sizes)
    binary = [1 << place for place in range(17) if count % LARGEST_BLOCK >> place & 1]
    assert cost <= count + overhead * (len(binary) + count // LARGEST_BLOCK)
    if count >= 10_000 and overhead <= 32:
        assert sum(sizes) <= 1.03 * count
