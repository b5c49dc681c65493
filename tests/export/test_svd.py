"""Layers factored by their singular values."""

from __future__ import annotations

import torch
from torch import nn

from fedprune.export.svd import factored


def low_rank_network() -> nn.Module:
    """A convolution and a linear layer, both of rank 2."""
    rng = torch.Generator().manual_seed(0)
    conv, fc = nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.Linear(16 * 16, 32)
    with torch.no_grad():
        conv.weight.copy_(
            (torch.randn(16, 2, generator=rng) @ torch.randn(2, 27, generator=rng)).view(16, 3, 3, 3)
        )
        fc.weight.copy_(torch.randn(32, 2, generator=rng) @ torch.randn(2, 256, generator=rng))
    return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), fc).eval()


def test_layers_of_low_rank_are_factored_without_loss() -> None:
    network = low_rank_network()
    thin = factored(network, 1 - 1e-9)
    assert [part.weight.shape[0] for part in (thin[0][0], thin[3][0])] == [2, 2]
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(thin(x), network(x), rtol=1e-4, atol=1e-4)
    assert sum(p.numel() for p in thin.parameters()) < sum(p.numel() for p in network.parameters()) / 4


def test_a_layer_of_full_rank_stays_whole_and_the_module_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(8, 8))
    nn.init.eye_(network[0].weight)
    made = factored(network, 0.99)
    assert type(made[0]) is nn.Linear
    assert made[0] is not network[0]
    assert torch.equal(made[0].weight, network[0].weight)


def test_the_squared_error_of_a_matrix_is_what_the_energy_leaves_out() -> None:
    layer = nn.Linear(40, 30, bias=False)
    nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    thin = factored(nn.Sequential(layer), 0.5)[0]
    product = thin[1].weight @ thin[0].weight
    assert (layer.weight - product).square().sum() <= 0.5 * layer.weight.square().sum() * (1 + 1e-5)
