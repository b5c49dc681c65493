from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.tickets.finished import FinishedRun
from fedprune.tickets.studies.connectivity import barrier, intersection, renew_statistics, walk


def test_the_barrier_is_the_excess_over_the_straight_line() -> None:
    assert barrier([0.0, 0.5, 0.2]) == pytest.approx(0.4)
    assert barrier([0.3, 0.2, 0.1]) == pytest.approx(0)
    assert barrier([0.4, 0.0, 0.4]) == 0


def test_the_intersection_is_what_both_keep_and_no_entry_is_dense() -> None:
    first = Mask({"a": np.array([True, False]), "b": np.array([False])})
    both = intersection(first, Mask({"a": np.array([True, True])}))
    assert both == first


def test_statistics_are_made_anew_from_the_data_and_nothing_else_changes() -> None:
    made = architecture("digits_cnn", (1, 8, 8), 10, {"batch_norm": True})
    module = made.load(made.initial_weights(0))
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    x = torch.rand((200, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []
    norm = next(part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d))
    handle = norm.register_forward_hook(lambda part, given, put_out: seen.append(given[0]))
    renew_statistics(module, x)
    handle.remove()
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, torch.cat(seen).mean((0, 2, 3)))
    assert norm.momentum == 0.1
    assert not module.training
    for name, value in module.named_parameters():
        assert torch.equal(value, before[name])


def test_a_line_from_a_model_to_itself_is_flat_and_one_to_its_mirror_is_not(pruned: Path) -> None:
    run = FinishedRun.open(pruned)
    client = run.clients[0]
    weights, mask = run.personal(client), run.masks[client]
    assert weights is not None
    same = walk(run.experiment, [client], weights, weights, mask)
    assert len(same["error"]) == 11
    assert same["barrier"] == same["test_barrier"] == 0
    # The same function with its hidden units in another order: a line between the two is no low road.
    mirrored = {**weights, "fc2.weight": -weights["fc2.weight"]}
    assert walk(run.experiment, [client], weights, mirrored, Mask())["error"][-1] > same["error"][0]
