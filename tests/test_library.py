"""The parts that work without a simulation: what comes out is what a run would make of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import fedprune
from fedprune.types import UserError
from fedprune.wire.errors import CodecError

UPDATE = {
    "weight": np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32),
    "bias": np.arange(20, dtype=np.float32),
}
SHAPES = {name: value.shape for name, value in UPDATE.items()}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 4))


IMAGE = torch.linspace(-1, 1, 3 * 36).reshape(1, 3, 6, 6)


def test_fp32_comes_back_as_it_was_and_a_quantizer_within_its_step() -> None:
    codec = fedprune.Codec()
    arrays, mask = codec.decode(codec.encode(UPDATE), SHAPES)
    assert mask == fedprune.Mask()
    assert all(np.array_equal(arrays[name], UPDATE[name]) for name in UPDATE)
    coarse = fedprune.Codec(values="uniform", bits=8, entropy="ans")
    message = coarse.encode({name: torch.from_numpy(value) for name, value in UPDATE.items()})
    found, _ = coarse.decode(message, SHAPES)
    assert len(message) < len(codec.encode(UPDATE)) / 3
    assert np.abs(found["weight"] - UPDATE["weight"]).max() < np.abs(UPDATE["weight"]).max() / 127
    assert np.array_equal(found["bias"], UPDATE["bias"])


def test_a_mask_travels_with_what_it_keeps() -> None:
    mask = fedprune.Mask({"weight": UPDATE["weight"] > 0.5})
    codec = fedprune.Codec(mask="entropy")
    arrays, found = codec.decode(codec.encode(UPDATE, mask), SHAPES, masked=["weight"])
    assert found == mask
    assert np.array_equal(arrays["weight"], mask.apply(UPDATE)["weight"])


def test_what_the_receiver_holds_is_not_sent_again() -> None:
    codec = fedprune.Codec(base="update", values="uniform", bits=4, entropy="ans")
    held = {name: value + np.float32(1e-3) for name, value in UPDATE.items()}
    arrays, _ = codec.decode(codec.encode(UPDATE, held=held), SHAPES, held=held)
    assert np.abs(arrays["weight"] - UPDATE["weight"]).max() < 1e-3


def test_what_does_not_fit_is_refused() -> None:
    codec = fedprune.Codec()
    message = codec.encode(UPDATE)
    with pytest.raises(CodecError):
        codec.decode(message[:-1], SHAPES)
    with pytest.raises(CodecError):
        codec.decode(message, {**SHAPES, "weight": (20, 31)})
    with pytest.raises(UserError, match="leave out feedback"):
        fedprune.Codec(values="sign", feedback="residual")
    with pytest.raises(UserError, match=r"\[uplink\] bit: unknown key of quantizer 'uniform'"):
        fedprune.Codec(values="uniform", bit=4)
    with pytest.raises(UserError, match=r"\[uplink\] step"):
        fedprune.Codec(step=2.0)


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_pruning_keeps_the_share_that_was_asked_for_and_only_goes_on(scope: str) -> None:
    net = network()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    mask = fedprune.prune(net, 0.75, scope=scope)  # type: ignore[arg-type]
    assert set(mask) == {"0.weight", "3.weight"}
    assert mask.density == pytest.approx(0.25, abs=0.01)
    more = fedprune.prune(net, 0.9, scope=scope, mask=mask)  # type: ignore[arg-type]
    assert more.is_subset(mask)
    assert more.density == pytest.approx(0.1, abs=0.01)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_shrunk_module_computes_what_the_masked_one_does_with_fewer_channels() -> None:
    net = network().eval()
    mask = fedprune.prune(net, 0.5, criterion="filter_l2", granularity="channel", example=IMAGE)
    small = fedprune.shrink(net, mask, IMAGE)
    assert small[0].out_channels == 4
    masked = network().eval()
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    masked.load_state_dict({name: torch.from_numpy(value) for name, value in mask.apply(weights).items()})
    assert torch.allclose(small(IMAGE), masked(IMAGE), atol=1e-6)


def test_what_only_a_run_can_do_is_said() -> None:
    with pytest.raises(UserError, match="'snip' reads gradients or activations of training data"):
        fedprune.prune(network(), 0.5, criterion="snip")
    with pytest.raises(UserError, match="granularity 'channel' needs an example"):
        fedprune.prune(network(), 0.5, granularity="channel")
    with pytest.raises(UserError, match="did you mean 'magnitude'"):
        fedprune.prune(network(), 0.5, criterion="magnitud")


def test_masks_are_compared_with_chance() -> None:
    first = fedprune.prune(network(), 0.5)
    other = fedprune.prune(network(), 0.5, criterion="random")
    assert fedprune.compare_masks([first, first])["agreement"] == pytest.approx(1)
    assert abs(fedprune.compare_masks([first, other])["z"]) < 4
    with pytest.raises(UserError, match="1 masks cannot be compared"):
        fedprune.compare_masks([first])
    with pytest.raises(UserError, match="different parameters or shapes"):
        fedprune.compare_masks([first, fedprune.Mask({"0.weight": first["0.weight"]})])
