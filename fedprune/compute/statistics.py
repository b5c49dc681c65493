"""Batch norms' running statistics, estimated anew from samples."""

from __future__ import annotations

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from fedprune.compute.evaluate import BATCH
from fedprune.compute.request import ModelState, Samples
from fedprune.types import Arrays


def reestimated(state: ModelState, samples: Samples) -> Arrays:
    """The model's weights with running means and variances that are plain averages over ``samples``.

    All else is as it was: a model without batch norms comes back as it is. Pruning shifts what reaches a
    norm, while its running statistics still tell of the dense model (Li, Wu, Su, Wang: EagleEye, ECCV 2020,
    https://arxiv.org/abs/2007.02491, section 3.2).
    """
    model = state.local()
    norms = [layer for layer in model.module.modules() if isinstance(layer, _BatchNorm)]
    if not norms:
        return state.weights
    model.module.eval()
    for norm in norms:
        norm.reset_running_stats()
        # None: the average over all batches rather than one that forgets.
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for start in range(0, len(samples[0]), BATCH):
            model.module(samples[0][start : start + BATCH])
    return model.weights()
