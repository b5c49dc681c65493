"""Initial weights: in torch's own distribution for every layer that it has, keyed, each on its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from fedprune.models.initial import initial_weights
from fedprune.models.modules import state
from fedprune.types import Arrays

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(64, 60, [10, 30]),
    "BatchNorm1d": lambda: nn.BatchNorm1d(8),
    "BatchNorm2d": lambda: nn.BatchNorm2d(8),
    "BatchNorm3d": lambda: nn.BatchNorm3d(8),
    "Bilinear": lambda: nn.Bilinear(12, 9, 20),
    "Conv1d": lambda: nn.Conv1d(8, 32, 5),
    "Conv2d": lambda: nn.Conv2d(8, 32, 3, groups=2),
    "Conv3d": lambda: nn.Conv3d(4, 16, 3),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(8, 32, 5),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(8, 32, 3, groups=2),
    "ConvTranspose3d": lambda: nn.ConvTranspose3d(4, 16, 3),
    "Embedding": lambda: nn.Embedding(40, 30, padding_idx=3),
    "EmbeddingBag": lambda: nn.EmbeddingBag(40, 30, padding_idx=3),
    "GRU": lambda: nn.GRU(12, 16, num_layers=2, bidirectional=True),
    "GRUCell": lambda: nn.GRUCell(12, 16),
    "GroupNorm": lambda: nn.GroupNorm(2, 8),
    "InstanceNorm1d": lambda: nn.InstanceNorm1d(8, affine=True, track_running_stats=True),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(8, affine=True),
    "InstanceNorm3d": lambda: nn.InstanceNorm3d(8, affine=True),
    "LSTM": lambda: nn.LSTM(12, 16, proj_size=7),
    "LSTMCell": lambda: nn.LSTMCell(12, 16),
    "LayerNorm": lambda: nn.LayerNorm(8),
    "Linear": lambda: nn.Linear(40, 30),
    "MultiheadAttention": lambda: nn.MultiheadAttention(24, 4, kdim=20, add_bias_kv=True),
    "PReLU": lambda: nn.PReLU(4, init=0.1),
    "RMSNorm": lambda: nn.RMSNorm(8),
    "RNN": lambda: nn.RNN(12, 16),
    "RNNBase": lambda: nn.RNNBase("GRU", 12, 16),
    "RNNCell": lambda: nn.RNNCell(12, 16),
    "RNNCellBase": lambda: nn.RNNCellBase(12, 16, True, 2),
    "SyncBatchNorm": lambda: nn.SyncBatchNorm(8),
    "Transformer": lambda: nn.Transformer(24, 4, 1, 1, 40, batch_first=True),
    "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(24, 4, 40), 1),
    "TransformerDecoderLayer": lambda: nn.TransformerDecoderLayer(24, 4, 40),
    "TransformerEncoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(24, 4, 40), 1, enable_nested_tensor=False
    ),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(24, 4, 40),
}
SEEDS = 30

EVERY_LAYER = pytest.mark.parametrize("kind", sorted(LAYERS))


def on_meta(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return make()


def ours(template: nn.Module, seed: int) -> Arrays:
    tensors = state(template).items()
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors if tensor.is_floating_point()}
    return initial_weights(template, shapes, seed)


def test_every_layer_of_torch_that_draws_parameters_is_tried_here() -> None:
    drawing = {
        name
        for name, kind in inspect.getmembers(nn, inspect.isclass)
        if issubclass(kind, nn.Module)
        and (hasattr(kind, "reset_parameters") or hasattr(kind, "_reset_parameters"))
        and not name.startswith("Lazy")
    }
    assert drawing - set(LAYERS) == set()


@EVERY_LAYER
def test_a_layer_begins_in_torchs_own_distribution(kind: str) -> None:
    template = on_meta(LAYERS[kind])
    drawn = [ours(template, seed) for seed in range(SEEDS)]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = [LAYERS[kind]().state_dict() for _ in range(SEEDS)]
    assert drawn[0]
    for name in drawn[0]:
        mine = np.stack([weights[name] for weights in drawn]).astype(np.float64)
        reference = np.stack([weights[name].numpy() for weights in theirs]).astype(np.float64)
        assert mine.shape == reference.shape
        # Spread, largest value, centre; constants agree exactly, as do rows that padding holds at zero.
        assert mine.std() == pytest.approx(reference.std(), rel=0.1), name
        assert np.abs(mine).max() == pytest.approx(np.abs(reference).max(), rel=0.15), name
        assert abs(mine.mean() - reference.mean()) <= 5 * reference.std() * np.sqrt(2 / mine.size), name
        np.testing.assert_array_equal((mine == 0).all(axis=0), (reference == 0).all(axis=0))


@EVERY_LAYER
def test_equal_seeds_give_equal_weights_and_no_global_generator_is_moved(kind: str) -> None:
    before, template = torch.random.get_rng_state(), on_meta(LAYERS[kind])
    first, again = ours(template, 3), ours(template, 3)
    for name, value in first.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, again[name])
    assert torch.equal(before, torch.random.get_rng_state())


def test_layers_before_it_do_not_move_what_an_embedding_or_a_recurrent_layer_draws() -> None:
    def alone() -> nn.Module:
        return nn.ModuleDict({"table": nn.Embedding(5, 4), "cell": nn.GRU(4, 4)})

    def in_company() -> nn.Module:
        return nn.ModuleDict({"first": nn.LSTM(3, 3), "conv": nn.Conv1d(2, 2, 2), **dict(alone().items())})

    weights, more = ours(on_meta(alone), 1), ours(on_meta(in_company), 1)
    assert len(more) > len(weights)
    for name, value in weights.items():
        np.testing.assert_array_equal(value, more[name])


def test_equal_layers_of_one_model_differ() -> None:
    weights = ours(on_meta(lambda: nn.ModuleList([nn.Embedding(5, 4), nn.Embedding(5, 4)])), 1)
    assert not np.array_equal(weights["0.weight"], weights["1.weight"])
