"""Training and testing of one client's data outside a federation, keyed, for studies."""

from __future__ import annotations

import numpy as np
import torch

from fedprune.compute.evaluate import score
from fedprune.compute.loop import Trainer
from fedprune.federation.experiment import Experiment, Samples
from fedprune.models.dropout import key_dropout
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.types import Arrays


def trained(
    experiment: Experiment, client: int, weights: Arrays, mask: Mask, *, epochs: int, replicate: int
) -> Arrays:
    """Weights after so many epochs on the client's training data, as the scenario's [train] says.

    Batches depend on client and replicate alone, so that different masks meet the same batches.
    """

    def rng(purpose: str) -> np.random.Generator:
        return generator(experiment.scenario.run.seed, f"tickets {purpose}", round=replicate, client=client)

    model = experiment.model(weights, mask)
    key_dropout(model.module, rng("dropout"))
    x, y = experiment.training(client)
    trainer = Trainer(model, x, y, experiment.step, augment=experiment.augment(rng("augment")))
    batches = rng("batches")
    for _ in range(epochs):
        trainer.epoch(torch.from_numpy(batches.permutation(len(y))))
    return model.weights()


def score_on_test_data(experiment: Experiment, client: int, weights: Arrays, mask: Mask) -> float:
    """The task's score on the client's test data; for reports, never for a decision."""
    model = experiment.model(weights, mask)
    return score(model.module, model.task, *experiment.testing(client))


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
