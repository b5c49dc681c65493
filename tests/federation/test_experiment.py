"""What a scenario is built into, and what is refused before anything runs."""

from __future__ import annotations

import pytest

from fedprune.federation.experiment import open_experiment
from fedprune.models import ModelError
from fedprune.scenario import Scenario

PARTITION = {"name": "shards", "clients": 10, "shard_size": 20}


@pytest.mark.parametrize("strategy", [{"name": "sub_fedavg", "variant": "hybrid"}, {"name": "hermes"}])
def test_a_method_that_removes_channels_is_refused_a_model_that_has_none(strategy: dict[str, str]) -> None:
    scenario = Scenario.from_dict(
        {"partition": PARTITION, "model": {"name": "mlp", "hidden": []}, "strategy": strategy}
    )
    with pytest.raises(ModelError, match=r"model 'mlp' has no .* whose channels can be removed"):
        open_experiment(scenario.client_settings(), None)


def test_a_method_that_prunes_single_weights_takes_it() -> None:
    scenario = Scenario.from_dict(
        {"partition": PARTITION, "model": {"name": "mlp", "hidden": []}, "strategy": {"name": "sub_fedavg"}}
    )
    experiment = open_experiment(scenario.client_settings(), None)
    assert experiment.maskable.keys() == experiment.prunable.keys() == {"fc1.weight"}
