"""Clients' personal models as torch modules, taken from a finished run's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import fedprune
from fedprune.data.schema import Features
from fedprune.data.standardise import normalise
from fedprune.personal.model import Preprocessing
from fedprune.pruning.cost import cost
from fedprune.runs.files import RunError
from fedprune.scenario import Scenario

STRUCTURED = {"name": "iterative_pruning", "granularity": "channel", "target": 0.5, "schedule": "one_shot"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> fedprune.views.Run:
    """A run whose clients 0 to 3 have removed half of their channels, but for those never sampled."""
    scenario = Scenario.from_dict(
        {
            "run": {"rounds": 2, "clients_per_round": 3},
            "partition": {"name": "shards", "clients": 4, "shards_per_client": 2, "shard_size": 20},
            "data": {"name": "digits"},
            "model": {"name": "digits_cnn", "batch_norm": True},
            "train": {"epochs": 1},
            "strategy": STRUCTURED,
            "engine": {"name": "in_process"},
        }
    )
    (found,) = fedprune.run(scenario, out=tmp_path_factory.mktemp("runs"))
    return found.run


def reported(run: fedprune.views.Run, client: int) -> dict[str, float]:
    """The client's line of the final evaluation."""
    return run.final.row(client, named=True)


def test_a_model_answers_stored_images_as_the_run_reported(run: fedprune.views.Run) -> None:
    experiment = run.finished.experiment
    for client in range(4):
        model, indices = run.model(client=client), experiment.partition.test(client)
        images, answers = experiment.dataset.test_x[indices], experiment.dataset.test_y[indices]
        with torch.inference_mode():
            found = model(torch.from_numpy(np.array(images))).argmax(1).numpy()
        assert (found == answers).mean() == pytest.approx(reported(run, client)["test_score_personal"])


def test_a_model_lacks_the_channels_that_its_mask_removed(run: fedprune.views.Run) -> None:
    for client in range(4):
        model = run.model(client=client)
        spent = cost(model.network, model.architecture.example())
        assert spent.parameters == reported(run, client)["parameters"]
        assert spent.multiply_adds == reported(run, client)["multiply_adds"]
        assert model.density == pytest.approx(reported(run, client)["density"])


def test_weights_of_a_client_are_whole_and_zero_where_its_mask_prunes(run: fedprune.views.Run) -> None:
    for client in range(4):
        weights, mask = run.weights(client=client), run.masks(client=client)
        assert weights.keys() == run.weights().keys()
        for name, kept in mask.items():
            assert not weights[name][~kept].any()


def test_labels_are_named_and_an_example_goes_through(run: fedprune.views.Run) -> None:
    model = run.model(client=0)
    assert model.labels == tuple("0123456789")
    assert model(model.example(3)).shape == (3, 10)


def test_a_client_that_there_is_none_of_is_an_error_of_one_line(run: fedprune.views.Run) -> None:
    with pytest.raises(RunError, match="no client 4; it has clients 0 to 3"):
        run.model(client=4)


def test_a_run_that_is_not_finished_has_no_models(run: fedprune.views.Run, tmp_path: Path) -> None:
    import shutil

    copied = Path(shutil.copytree(run.path, tmp_path / run.path.name))
    fedprune.runs.folder.RunFolder.open(copied).write_status("stopped", 1)
    with pytest.raises(RunError, match="stopped, not complete; finish it with: fedprune resume"):
        fedprune.load(copied).model(client=0)


@pytest.mark.parametrize(
    "features",
    [
        Features((3, 2, 2), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7)),
        Features((3,), dtype="float32", mean=(2001.0, 0.0, -4.0), std=(7.0, 0.1, 3.0)),
        Features((3,), dtype="float32"),
        Features((3,), dtype="int64", vocabulary=200),
    ],
    ids=["pixels", "values", "as they are", "tokens"],
)
def test_preprocessing_gives_the_bits_of_the_simulation(features: Features) -> None:
    stored = np.random.Generator(np.random.PCG64(0)).integers(0, 200, (5, *features.shape))
    stored = stored.astype(features.dtype)
    found, wanted = Preprocessing(features)(torch.from_numpy(stored)).numpy(), normalise(stored, features)
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
