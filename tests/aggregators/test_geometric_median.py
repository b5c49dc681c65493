"""The geometric median against what is known of it, and its choice for models under masks."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune.aggregators import Ballot
from fedprune.aggregators.geometric_median import GeometricMedian
from fedprune.types import Array, Bools


def of(points: list[list[float]], held: list[list[int]] | None = None, steps: int = 200) -> Array:
    arrays = tuple(np.array(point, np.float32) for point in points)
    masks: tuple[Bools | None, ...] = (None,) * len(points)
    if held is not None:
        masks = tuple(np.array(mask, bool) for mask in held)
    ballot = Ballot(tuple(range(len(points))), arrays, masks, np.ones(len(points)))
    return GeometricMedian(steps).combine({"w": ballot})["w"]


def test_the_fermat_point_of_a_triangle_sees_its_sides_at_equal_angles() -> None:
    corners = np.array([[0, 0], [4, 0], [1, 3]], np.float64)
    rays = corners - of(corners.tolist())
    directions = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    np.testing.assert_allclose(directions.sum(axis=0), 0, atol=1e-4)


def test_it_looks_at_the_model_as_a_whole() -> None:
    # By coordinates, 0 is the median of each; the client with many small changes is yet the farthest.
    points = [[0.0] * 8, [0.0] * 8, [0.1] * 8]
    assert np.abs(of(points)).max() < 1e-3


def test_distances_go_over_all_parameters_at_once() -> None:
    def ballot(*values: float) -> Ballot:
        arrays = tuple(np.array([value], np.float32) for value in values)
        return Ballot(tuple(range(len(values))), arrays, (None,) * len(values), np.ones(len(values)))

    # Client 3 gives itself away in a and counts little in b, where it is unremarkable.
    found = GeometricMedian(30).combine({"a": ballot(0, 1, 2, 1000), "b": ballot(0, 1, 2, 3)})
    assert found["b"][0] < 1.3


def test_a_client_that_holds_less_counts_no_more_for_that_at_what_it_holds() -> None:
    # Both are 1 away from what the two in the middle say wherever they hold something.
    points = [[1.0] * 6, [0.0] * 6, [0.0] * 6, [-1.0] * 6]
    found = of(points, held=[[1] * 6, [1] * 6, [1] * 6, [1, 0, 0, 0, 0, 0]], steps=3)
    assert found[0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"smoothing": 0.0}])
def test_fields_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        GeometricMedian(**wrong)  # type: ignore[arg-type]
