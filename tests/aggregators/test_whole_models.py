"""The rules that look at whole models, against values worked out by hand, and their choices under masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedprune.aggregators import Ballot
from fedprune.aggregators._whole import distances
from fedprune.aggregators.centred_clipping import CentredClipping
from fedprune.aggregators.krum import Krum
from fedprune.aggregators.multi_krum import MultiKrum
from fedprune.aggregators.norm_bounding import NormBounding
from fedprune.aggregators.ticket_similarity import TicketSimilarity, similarities
from fedprune.types import Array


def ballot(
    points: Sequence[Sequence[float]], held: Sequence[Sequence[int]] | None = None, old: float = 0.0
) -> dict[str, Ballot]:
    arrays = tuple(np.array(point, np.float32) for point in points)
    masks = (None,) * len(points) if held is None else tuple(np.array(mask, bool) for mask in held)
    before = np.full(arrays[0].shape, old, np.float32)
    return {"w": Ballot(tuple(range(len(points))), arrays, masks, np.ones(len(points)), before)}


def chosen(rule: Any, ballots: dict[str, Ballot]) -> tuple[int, ...]:
    found: Ballot = rule.heard(ballots)["w"]
    return found.clients


LINE = ballot([[0.0], [1.0], [3.0], [6.0], [100.0]])


def test_krum_takes_the_model_whose_nearest_peers_are_nearest() -> None:
    # Five clients, one of them dishonest: two nearest each. Sums of squares: 10, 5, 13, 34, ...
    assert chosen(Krum(), LINE) == (1,)


def test_multi_krum_leaves_out_as_many_as_may_be_dishonest() -> None:
    assert chosen(MultiKrum(), LINE) == (0, 1, 2, 3)
    assert chosen(MultiKrum(attackers=0.4), LINE) == (0, 1, 2)
    assert chosen(MultiKrum(attackers=0.0), LINE) == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("rule", [Krum(), MultiKrum(), TicketSimilarity()])
def test_of_two_clients_none_is_turned_away(rule: Any) -> None:
    assert chosen(rule, ballot([[0.0, 1.0], [50.0, -3.0]], held=[[1, 1], [1, 0]])) == (0, 1)
    assert chosen(rule, ballot([[0.0], [1.0]], held=[[1], [0]])) == (0, 1)


def test_a_distance_is_a_mean_over_what_two_clients_both_hold() -> None:
    # Client 2 is 1 away from the others wherever it holds something; client 3 is 2 away at one place of four.
    models = ballot(
        [[0.0] * 4, [0.0] * 4, [1.0, 0, 0, 0], [2.0, 0, 0, 0]],
        held=[[1] * 4, [1] * 4, [1, 0, 0, 0], [1] * 4],
    )
    # Three nearest minus dishonest: n - f - 2 = 1 peer, so the two in the middle tie at 0.
    assert chosen(Krum(), models) == (0, 1)
    # To its nearest peer client 2 has 1, and client 3 has 4 / 4 = 1 as well: neither is the farther one.
    assert chosen(MultiKrum(), models) == (0, 1, 2, 3)


def test_what_the_chosen_ones_do_not_hold_counts_for_nobody() -> None:
    models = ballot([[0.0, 0], [0.0, 0], [0.0, 0], [90.0, 7]], held=[[1, 0], [1, 0], [1, 0], [1, 1]])
    assert chosen(MultiKrum(), models) == (0, 1, 2)


def test_norm_bounding_scales_an_update_to_the_norm_and_leaves_smaller_ones() -> None:
    found = NormBounding(norm=5.0).combine(ballot([[6.0, 8.0], [3.0, 0.0]]))["w"]
    np.testing.assert_allclose(found, [3.0, 2.0])  # (6, 8) has norm 10, and becomes (3, 4).


def test_norms_are_those_of_updates_and_not_of_weights() -> None:
    found = NormBounding(norm=1.0).combine(ballot([[13.0, 10.0]], old=10.0))["w"]
    np.testing.assert_allclose(found, [11.0, 10.0])


def test_without_a_norm_the_median_one_is_the_bound() -> None:
    found = NormBounding().combine(ballot([[1.0], [2.0], [300.0]]))["w"]
    np.testing.assert_allclose(found, [5 / 3])


def test_under_masks_a_norm_goes_over_what_a_client_holds() -> None:
    found = NormBounding(norm=3.0).combine(ballot([[3.0, 99.0]], held=[[1, 0]]))["w"]
    assert found[0] == 3


def test_one_step_of_centred_clipping_is_norm_bounding() -> None:
    models = ballot([[1.0, 2.0], [2.0, 0.0], [30.0, 40.0]], old=0.5)
    one = CentredClipping(radius=2.0, steps=1).combine(models)["w"]
    np.testing.assert_array_equal(one, NormBounding(norm=2.0).combine(models)["w"])


def test_each_step_of_centred_clipping_starts_where_the_one_before_ended() -> None:
    # From 0: (1 + 2) / 2; from 1.5: 1.5 + (-0.5 + 2) / 2.
    found = CentredClipping(radius=2.0, steps=2).combine(ballot([[1.0], [100.0]]))["w"]
    np.testing.assert_allclose(found, [2.25])


def test_similarity_is_the_share_kept_by_both_of_what_either_keeps() -> None:
    models = ballot([[1.0] * 4] * 3, held=[[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]])
    expected = [[1, 2 / 3, 0], [2 / 3, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(similarities(models, [0, 1, 2]), expected)
    assert chosen(TicketSimilarity(), models) == (0, 1)


def test_clients_without_masks_are_all_alike() -> None:
    assert chosen(TicketSimilarity(), ballot([[1.0], [2.0], [1e4]])) == (0, 1, 2)


Point = st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3)


@given(points=st.lists(Point, min_size=1, max_size=7), wild=Point, scale=st.floats(1, 1e4))
def test_a_bounded_mean_never_moves_further_than_the_bound(
    points: list[list[float]], wild: list[float], scale: float
) -> None:
    models = ballot([*points, [value * scale for value in wild]], old=1.0)
    moved = NormBounding(norm=2.5).combine(models)["w"] - 1.0
    assert np.linalg.norm(moved) <= 2.5 * (1 + 1e-6)


@given(points=st.lists(Point, min_size=5, max_size=9), far=st.floats(1e3, 1e6))
def test_multi_krum_turns_a_client_far_from_all_others_away(points: list[list[float]], far: float) -> None:
    models = ballot([*points, [far] * 3])
    assert len(points) not in chosen(MultiKrum(attackers=0.1), models)


@given(points=st.lists(Point, min_size=1, max_size=9), move=st.floats(-5, 5, width=16))
@pytest.mark.parametrize("rule", [NormBounding(), CentredClipping(), NormBounding(1.0)])
def test_moving_all_models_and_the_old_one_alike_moves_the_result_as_far(
    rule: Any, points: list[list[float]], move: float
) -> None:
    def combined(by: float) -> Array:
        models = ballot([[value + by for value in point] for point in points], old=by)
        found: Array = rule.combine(models)["w"]
        return found

    np.testing.assert_allclose(combined(move) - move, combined(0.0), atol=1e-4)


def test_distances_are_norms_over_what_is_held_in_all_parameters() -> None:
    models = {**ballot([[3.0, 9.0]], held=[[1, 0]]), "b": ballot([[4.0]])["w"]}
    assert distances(models, {"w": np.zeros(2), "b": np.zeros(1)}) == {0: 5.0}


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        (Krum, {"attackers": 0.5}),
        (MultiKrum, {"attackers": -0.1}),
        (NormBounding, {"norm": 0.0}),
        (CentredClipping, {"radius": 0.0}),
        (CentredClipping, {"steps": 0}),
        (TicketSimilarity, {"least": 1.1}),
    ],
)
def test_fields_out_of_range_are_refused_by_name(rule: Any, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: must"):
        rule(**wrong)
