"""Training and testing of one client's data outside a federation, keyed, for studies."""

from __future__ import annotations

import numpy as np
import torch

from fedprune.federation.site import Samples, Site
from fedprune.models._dropout import key_dropout
from fedprune.pruning.mask import Mask
from fedprune.seeds import generator
from fedprune.training.evaluate import accuracy
from fedprune.training.loop import Trainer
from fedprune.training.model import LocalModel
from fedprune.types import Arrays


def trained(here: Site, client: int, weights: Arrays, mask: Mask, *, epochs: int, replicate: int) -> Arrays:
    """Weights after so many epochs of cross-entropy on the client's training data, as the scenario's [train].

    Batches depend on client and replicate alone, so that different masks meet the same batches.
    """

    def rng(purpose: str) -> np.random.Generator:
        return generator(here.scenario.run.seed, f"tickets {purpose}", round=replicate, client=client)

    model = LocalModel(here.architecture, weights, mask)
    key_dropout(model.module, rng("dropout"))
    x, y = here.training(client)
    trainer = Trainer(model, x, y, here.step, augment=here.augment(rng("augment")))
    batches = rng("batches")
    for _ in range(epochs):
        trainer.epoch(torch.from_numpy(batches.permutation(len(y))))
    return model.weights()


def accuracy_on_test_data(here: Site, client: int, weights: Arrays, mask: Mask) -> float:
    """Share right of the client's test data, in [0, 1]; for reports, never for a decision."""
    return accuracy(LocalModel(here.architecture, weights, mask).module, *here.testing(client))


def fresh_weights(here: Site, replicate: int) -> Arrays:
    """Initial weights that this run never saw."""
    rng = generator(here.scenario.run.seed, "tickets fresh", round=replicate)
    return here.architecture.initial_weights(int(rng.integers(1 << 62)))


def own_samples(here: Site, client: int) -> Samples:
    """The client's training and validation data together."""
    (x, y), held_out = here.training(client), here.gating(client)
    if held_out is None:
        return x, y
    return torch.cat([x, held_out[0]]), torch.cat([y, held_out[1]])
