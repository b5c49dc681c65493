"""One client's models after the last round: masks, training, and what they have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedprune.federation.client.personalize import Personal, Personalization
from fedprune.federation.experiment import Experiment, open_experiment
from fedprune.federation.protocol.personal import encode_masks, packed, shared_masks, unpacked
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario
from fedprune.scenario.sections import PersonalizeSection
from fedprune.wire.errors import CodecError


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    scenario = Scenario.from_dict(
        {
            "data": {"name": "digits"},
            "partition": {"name": "iid", "clients": 20, "validation": 0.2},
            "model": {"name": "digits_cnn", "batch_norm": True},
        }
    )
    return open_experiment(scenario.client_settings(), None)


def made(experiment: Experiment, mask: Mask | None = None, **keys: Any) -> dict[tuple[str, float], Personal]:
    """A client's models by (kind, density)."""
    section = PersonalizeSection.model_validate({"before": 1, "after": 1, **keys})
    work = Personalization(experiment, section, 0, 3, experiment.initial, mask or Mask())
    shared = shared_masks(experiment, section, experiment.initial)
    return {(each.said.kind, each.said.target): each for each in work.models(shared)}


@pytest.mark.parametrize(
    "keys",
    [
        {"granularity": "weight", "scope": "layer"},
        {"granularity": "channel", "criterion": "filter_l2", "scope": "layer"},
        {"granularity": "kernel", "criterion": "snip", "steps": 2, "schedule": "cosine"},
        {"teacher": "dense", "statistics": True},
        {"teacher": "received", "alpha": 1.0},
    ],
    ids=str,
)
def test_every_model_is_zero_where_its_mask_prunes_and_trained_elsewhere(
    experiment: Experiment, keys: dict[str, Any]
) -> None:
    for (kind, _), model in made(experiment, densities=[0.4], **keys).items():
        assert (model.said.density < 0.65) == (kind != "dense")
        for name, kept in model.mask.items():
            assert not model.weights[name][~kept].any()
            if name in experiment.prunable:
                assert (model.weights[name] != experiment.initial[name])[kept].any()


def test_random_masks_are_as_dense_in_each_layer_as_the_own_one(experiment: Experiment) -> None:
    models = made(experiment, densities=[0.2])
    own, random = models["own", 0.2].mask, models["random", 0.2].mask
    assert own != random
    assert own.densities() == random.densities()


def test_the_shared_mask_is_that_of_the_largest_weights(experiment: Experiment) -> None:
    mask = made(experiment, densities=[0.3])["shared", 0.3].mask
    values = {name: np.abs(experiment.initial[name]) for name in experiment.architecture.prunable}
    least = min(values[name][mask[name]].min() for name in values)
    # The largest of each layer stays, so that none is cut through.
    for name, value in values.items():
        assert np.sort(value[~mask[name]])[-1] <= least


def test_nothing_is_revived_of_the_mask_that_a_client_begins_with(experiment: Experiment) -> None:
    (model,) = (each for key, each in made(experiment, densities=[0.3]).items() if key == ("random", 0.3))
    for other in made(experiment, model.mask, densities=[0.2, 0.5]).values():
        assert other.mask.with_dense(experiment.prunable).is_subset(model.mask)


def test_a_dense_model_does_not_depend_on_what_else_is_asked_for(experiment: Experiment) -> None:
    one, other = made(experiment, densities=[0.3]), made(experiment, densities=[0.6, 0.1], scope="layer")
    for name, value in one["dense", 1.0].weights.items():
        np.testing.assert_array_equal(value, other["dense", 1.0].weights[name])


def test_masks_travel_and_are_refused_when_one_is_missing(experiment: Experiment) -> None:
    section = PersonalizeSection(densities=(0.5, 0.1), granularity="channel")
    masks = shared_masks(experiment, section, experiment.initial)
    part = packed(encode_masks(masks))
    assert unpacked(part, experiment, section) == masks
    with pytest.raises(CodecError, match="shared masks: 2, not 3"):
        unpacked(part, experiment, PersonalizeSection(densities=(0.5, 0.1, 0.2), granularity="channel"))
