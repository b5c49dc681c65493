"""Training and testing of one client's data outside a federation, keyed, for studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from fedprune.compute.request import Epoch, Keys, Samples, ScoreRequest
from fedprune.compute.trainers import trained as carried_out
from fedprune.federation.experiment import Experiment
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.types import Arrays


def trained(
    experiment: Experiment,
    client: int,
    weights: Arrays,
    mask: Mask,
    *,
    epochs: int,
    replicate: int,
    note: Callable[[Epoch], None] | None = None,
) -> Arrays:
    """Weights after so many epochs on the client's training data, as the scenario's [train] says.

    Batches depend on client and replicate alone, so that different masks meet the same batches.
    ``note`` is told of each epoch, with the weights after it.
    """
    seed = experiment.scenario.run.seed
    keys = Keys.named("tickets {}", seed, round=replicate, client=client)
    samples = experiment.training(client)
    request = experiment.fit_request(experiment.state(weights, mask), samples, keys, epochs)
    return carried_out(experiment.trainer, replace(request, every_epoch=note is not None), note)


def score_on_test_data(experiment: Experiment, client: int, weights: Arrays, mask: Mask) -> float:
    """The task's score on the client's test data; for reports, never for a decision."""
    state = experiment.state(weights, mask)
    return experiment.trainer.score(ScoreRequest(state, experiment.testing(client)))


def fresh_weights(experiment: Experiment, replicate: int) -> Arrays:
    """Initial weights that this run never saw."""
    rng = generator(experiment.scenario.run.seed, "tickets fresh", round=replicate)
    return experiment.architecture.initial_weights(int(rng.integers(1 << 62)))


def own_samples(experiment: Experiment, client: int) -> Samples:
    """The client's training and validation data together."""
    (x, y), held_out = experiment.training(client), experiment.gating(client)
    if held_out is None:
        return x, y
    return torch.cat([x, held_out[0]]), torch.cat([y, held_out[1]])
