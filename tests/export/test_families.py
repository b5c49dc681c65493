"""Every bundled family of models as an ONNX file: dense, masked and shrunk."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune import plugins
from fedprune.export.file import ModelFile, model_file
from fedprune.export.form import Form
from fedprune.export.graphs import Graphs
from fedprune.export.runtime import runner
from fedprune.models import Architecture
from fedprune.models.low_rank import composed
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import shrink
from tests.models.described import batch, described, takes

KINDS = ("dense", "masked", "shrunk")


def mask_of(made: Architecture, kind: str) -> Mask:
    """A mask of that kind: of every second weight, or of every second channel."""
    mask = Mask()
    if kind == "masked":
        rng = np.random.default_rng(0)
        mask = Mask({name: rng.random(made.shapes[name]) < 0.5 for name in made.prunable})
    for group in made.groups if kind == "shrunk" else ():
        mask = channel_mask(group, np.arange(group.size) % 2 == 0, mask, made.shapes)
    return mask


def check(made: Architecture, kind: str) -> ModelFile:
    network, _ = shrink(made, made.initial_weights(0), mask_of(made, kind))
    x = batch(made, 5)
    file = model_file(composed(network), made.example(2), x.numpy(), Form())
    with torch.inference_mode():
        expected = network.eval()(x).numpy()
    np.testing.assert_allclose(runner(file.data(), "onnx")(x.numpy()), expected, rtol=0, atol=1e-5)
    return file


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", plugins.names("models"))
def test_onnx_gives_the_logits_of_every_family(name: str, kind: str) -> None:
    options = {"width": 0.5} if "width" in takes(name) else {}
    check(described(name, (3, 32, 32), 10, options, per_position="vocabulary" in takes(name)), kind)


def test_onnx_gives_the_logits_of_factors_of_low_rank_as_an_ordinary_layer() -> None:
    file = check(described("digits_cnn", (1, 8, 8), 10, {"low_rank": 0.3}), "masked")
    operators = [node.op_type for node in file.made.graph.node]
    assert operators.count("Gemm") == 2
    assert not {"Mul", "Einsum", "MatMul"} & set(operators)


def test_a_graph_is_filled_with_the_weights_of_another_network_of_its_sizes() -> None:
    made, graphs = described("mlp", (2, 3), 4, {"hidden": [5]}), Graphs()
    x = batch(made, 3)
    for seed in (0, 1):
        network = made.load(made.initial_weights(seed))
        file = model_file(network, made.example(2), x.numpy(), Form(), graphs)
        with torch.inference_mode():
            np.testing.assert_allclose(runner(file.data(), "onnx")(x.numpy()), network(x), rtol=0, atol=1e-6)


def test_a_folded_norm_is_never_filled_with_the_weights_of_another_network() -> None:
    made, graphs = described("digits_cnn", (1, 8, 8), 10, {"batch_norm": True, "width": 0.25}), Graphs()
    x = batch(made, 3)
    for seed in (0, 1, 1):
        network = made.load(made.initial_weights(seed)).eval()
        file = model_file(network, made.example(2), x.numpy(), Form(), graphs)
        with torch.inference_mode():
            np.testing.assert_allclose(runner(file.data(), "onnx")(x.numpy()), network(x), rtol=0, atol=1e-6)
