"""The attacks against values worked out by hand, whole and under masks; who attacks, and what is spared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fedprune import plugins
from fedprune.aggregation import Update
from fedprune.federation.client.updates import through_stages
from fedprune.federation.server.adversary import plotted
from fedprune.federation.server.outliers import Change as Reply
from fedprune.pruning.mask import Mask
from fedprune.strategy import Payload
from fedprune.types import Array
from fedprune.updates import Assigned, Change, Stage, drawn
from fedprune.updates.alie import ALIE
from fedprune.updates.gaussian import Gaussian
from fedprune.updates.ipm import IPM
from fedprune.updates.label_flip import LabelFlip
from fedprune.updates.mask_poisoning import MaskPoisoning
from fedprune.updates.mimic import Mimic
from fedprune.updates.min_max import MinMax
from fedprune.updates.sign_flip import SignFlip
from fedprune.wire.codec import Decoded

ATTACKS = [name for name in plugins.names("updates") if plugins.dataclass_of("updates", name).hostile]


def change(values: Sequence[float], held: Sequence[int] | None = None) -> Change:
    mask = Mask() if held is None else Mask({"w": np.array(held, bool)})
    return Change(mask.apply({"w": np.array(values, np.float64)}), mask)


def planned(stage: Stage, own: Change, *others: Change) -> Array:
    (found,) = stage.together([own], list(others), np.random.default_rng(0))
    return found.arrays["w"]


def test_sign_flip_sends_minus_so_many_times_the_update() -> None:
    found = SignFlip(scale=3.0).apply(change([1.0, -2.0]), np.random.default_rng(0))
    np.testing.assert_array_equal(found.arrays["w"], [-3.0, 6.0])


def test_gaussian_has_the_asked_deviation_in_root_mean_squares_of_what_travels() -> None:
    half = [1, 0] * 50_000
    found = Gaussian(scale=4.0).apply(change([0.5, 9.0] * 50_000, half), np.random.default_rng(0))
    assert found.arrays["w"].std() == pytest.approx(2.0, rel=0.02)


def test_label_flip_mirrors_labels() -> None:
    np.testing.assert_array_equal(LabelFlip().targets(np.array([0, 3, 9]), 10), [9, 6, 0])


def test_alie_sends_the_mean_less_so_many_deviations() -> None:
    # Means 2 and 0; population deviations 1 and 3.
    found = planned(ALIE(deviations=1.5), change([7.0, 7.0]), change([1.0, -3.0]), change([3.0, 3.0]))
    np.testing.assert_allclose(found, [0.5, -4.5])


def test_ipm_sends_the_mean_turned_round() -> None:
    found = planned(IPM(epsilon=0.1), change([7.0]), change([1.0]), change([3.0]))
    np.testing.assert_allclose(found, [-0.2])


def test_min_max_goes_as_far_as_two_honest_clients_are_apart() -> None:
    # The honest ones are at 0 and 4, 4 apart. From the mean 2, against their deviation, to the last point
    # that is no more than 4 from both: 0.
    np.testing.assert_allclose(planned(MinMax(), change([7.0]), change([0.0]), change([4.0])), [0.0])
    # In the plane: from (2, 0) along -(mean / its norm), to (0, 0).
    found = planned(MinMax("mean"), change([7.0, 7.0]), change([0.0, 0.0]), change([4.0, 0.0]))
    np.testing.assert_allclose(found, [0.0, 0.0])


@pytest.mark.parametrize("direction", ["deviation", "mean", "sign"])
def test_min_max_stands_out_no_more_than_honest_clients_and_could_not_go_further(direction: str) -> None:
    rng = np.random.default_rng(1)
    others = [change(rng.normal(1, 1, 6)) for _ in range(5)]
    found = planned(MinMax(direction), change([0.0] * 6), *others)  # type: ignore[arg-type]
    points = np.array([other.arrays["w"] for other in others])
    widest = max(np.linalg.norm(first - second) for first in points for second in points)
    assert max(np.linalg.norm(points - found, axis=1)) == pytest.approx(widest)


def test_mimic_sends_what_the_most_extreme_client_sends() -> None:
    others = [change([0.0, 0.1]), change([0.2, -0.1]), change([9.0, 0.0])]
    np.testing.assert_array_equal(planned(Mimic(), change([7.0, 7.0]), *others), [9.0, 0.0])


@pytest.mark.parametrize("stage", [ALIE(), IPM(), Mimic(), MinMax()])
def test_a_plan_keeps_the_mask_and_what_was_learned_where_nobody_else_is(stage: Stage) -> None:
    own = change([5.0, 6.0, 7.0], held=[1, 1, 0])
    others = [change([1.0, 0.0, 2.0], held=[1, 0, 1]), change([2.0, 0.0, 4.0], held=[1, 0, 1])]
    found = planned(stage, own, *others)
    assert found[0] != 5
    assert (found[1], found[2]) == (6.0, 0.0)


def test_mask_poisoning_claims_what_no_other_client_holds_and_sends_the_rest_as_learned() -> None:
    own = change([5.0, 0.0, 0.0, 8.0], held=[1, 0, 0, 1])
    others = [change([1.0, 2.0, 0.0, 0.0], held=[1, 1, 0, 0])]
    first, second = MaskPoisoning().together([own, own], others, np.random.default_rng(0))
    assert first.mask["w"].tolist() == [True, False, True, True]
    assert first.arrays["w"][:2].tolist() == [5.0, 0.0]
    assert np.all(first.arrays["w"][2:] != [0.0, 8.0])
    np.testing.assert_array_equal(first.arrays["w"], second.arrays["w"])


def test_mask_poisoning_has_no_effect_where_everybody_holds_everything() -> None:
    own, other = change([5.0]), change([1.0])
    (found,) = MaskPoisoning().together([own], [other], np.random.default_rng(0))
    assert (found.arrays["w"].tolist(), len(found.mask)) == ([5.0], 0)


def reply(client: int, made: Sequence[float], sent: Sequence[float], extra: float | None = None) -> Reply:
    arrays = {"w": np.array(made, np.float32)}
    if extra is not None:
        arrays["other"] = np.array([extra], np.float32)
    return Reply(Update(client, 10, arrays, Mask()), {"w": np.array(sent, np.float32)})


def test_attackers_know_updates_and_not_weights_and_leave_what_did_not_come_down() -> None:
    replies = [reply(0, [11.0], [10.0], 3.0), reply(1, [9.0], [6.0], 4.0), reply(2, [5.0], [1.0], 5.0)]
    found = plotted([Assigned(IPM(epsilon=1.0), frozenset({1}))], replies, seed=0, round=1)
    # The others' updates are 1 and 4; minus their mean, on what client 1 was sent.
    assert found[1].arrays["w"].tolist() == [3.5]
    assert found[1].arrays["other"].tolist() == [4.0]
    assert found.keys() == {1}


def test_without_an_attacker_or_without_anybody_else_nothing_is_planned() -> None:
    replies = [reply(0, [11.0], [10.0])]
    for clients in (frozenset({0}), frozenset({1})):
        assert plotted([Assigned(IPM(), clients)], replies, seed=0, round=1) == {}


@pytest.mark.parametrize("name", ATTACKS)
def test_running_statistics_and_what_did_not_come_down_are_spared(name: str) -> None:
    stage: Stage = plugins.dataclass_of("updates", name)()
    came = {"w": np.ones(4, np.float32), "bn.running_var": np.ones(4, np.float32)}
    trained = {key: value * 1.5 for key, value in came.items()} | {"score:w": np.full(4, 2, np.float32)}
    sent = through_stages(
        [stage], Payload(trained), Decoded(came, Mask(), {}), lambda purpose: np.random.default_rng(0)
    )
    for spared in ("bn.running_var", "score:w"):
        np.testing.assert_array_equal(sent.arrays[spared], trained[spared])
    own = Change({key: np.full(4, 0.5) for key in came}, Mask())
    others = [Change({key: np.full(4, float(size)) for key in came}, Mask()) for size in (1, 2)]
    (plan,) = stage.together([own], others, np.random.default_rng(0))
    np.testing.assert_array_equal(plan.arrays["bn.running_var"], own.arrays["bn.running_var"])


def test_a_larger_fraction_adds_clients_and_the_seed_draws_them() -> None:
    few, more = drawn(50, 0.1, seed=3), drawn(50, 0.4, seed=3)
    assert (len(few), len(more)) == (5, 20)
    assert few < more
    assert drawn(50, 0.4, seed=4) != more


@pytest.mark.parametrize(
    ("stage", "wrong"),
    [(SignFlip, "scale"), (Gaussian, "scale"), (IPM, "epsilon"), (MaskPoisoning, "scale")],
)
def test_fields_out_of_range_are_refused_by_name(stage: type[Stage], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"{wrong}: must be greater"):
        stage(**{wrong: 0.0})
