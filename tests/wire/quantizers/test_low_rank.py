"""Low rank: the best product of its rank, at the places that travel."""

import numpy as np
import pytest

from fedprune.wire.quantizers import Slot
from fedprune.wire.quantizers.low_rank import LowRank

from .toy import kept, relative_error, there_and_back, whole


def product(rows: int, columns: int, rank: int) -> np.ndarray:
    rng = np.random.default_rng(17)
    return (rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))).astype(np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(30, 50), (50, 30), (40, 40)])
def test_a_matrix_of_low_rank_comes_back(rows: int, columns: int) -> None:
    values = product(rows, columns, 3).reshape(-1)
    assert relative_error(there_and_back(LowRank(0.1), values, whole(rows, columns)), values) < 1e-6


@pytest.mark.parametrize("shape", [(40, 60), (60, 5, 4, 2)])
def test_no_product_of_that_rank_is_nearer(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(18).standard_normal(int(np.prod(shape))).astype(np.float32)
    singular = np.linalg.svd(values.reshape(shape[0], -1), compute_uv=False)
    rank = 4
    best = np.square(singular[rank:]).sum() / np.square(singular).sum()
    decoded = there_and_back(LowRank(0.1), values, whole(*shape))
    assert relative_error(decoded, values) == pytest.approx(best, rel=1e-4)


def test_only_what_travels_is_decoded() -> None:
    places = np.flatnonzero(np.random.default_rng(19).random(1500) < 0.6)
    matrix = product(30, 50, 2)
    full = np.zeros(1500, np.float32)
    full[places] = matrix.reshape(-1)[places]
    slot = Slot("w", (30, 50), places)
    decoded = there_and_back(LowRank(0.2), full[places], slot)
    dense = there_and_back(LowRank(0.2), full, whole(30, 50))
    assert np.array_equal(decoded, dense[places])


def test_where_factors_would_not_save_the_values_are_sent_as_halves() -> None:
    values = np.array([3, -1e-3, 0.7, 1e30], np.float32)
    slot = kept((30, 50), [1, 2, 3, 4])
    assert [alphabet.count for alphabet in LowRank().alphabets([slot])] == [4, 4]
    assert np.array_equal(there_and_back(LowRank(), values[:1], kept((30, 50), [9])), values[:1])
    assert there_and_back(LowRank(), values[:3], kept((30, 50), [1, 2, 3])) == pytest.approx(
        values[:3], rel=1e-3
    )
    assert there_and_back(LowRank(), values, slot)[3] == np.float32(1e30)


def test_factors_are_fewer_than_values() -> None:
    assert [alphabet.count for alphabet in LowRank(0.1).alphabets([whole(120, 400)])] == [12 * 520] * 2


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_shares_out_of_range_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"^share: "):
        LowRank(share)
