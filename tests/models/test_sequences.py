"""Models of token ids: causal, trained through the flat buffer, masked, shrunk and tied."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fedprune.compute.model import LocalModel
from fedprune.models import Architecture, ModelError, architecture
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification

LENGTH, TOKENS = 9, 11
SMALL = {
    "char_lstm": {"hidden": 8},
    "transformer": {"stream": 8, "heads": 2, "hidden": 12},
    "tied": {"stream": 8, "heads": 2, "hidden": 12, "tied": True},
}
EVERY_SMALL = pytest.mark.parametrize("kind", list(SMALL))


def small(kind: str, *, per_position: bool = True, **options: Any) -> Architecture:
    name = "transformer" if kind == "tied" else kind
    return architecture(
        name,
        (LENGTH,),
        TOKENS,
        {**SMALL[kind], **options},
        vocabulary=TOKENS,
        per_position=per_position,
    )


def tokens(samples: int = 4) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(TOKENS, size=(samples, LENGTH)))


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [("char_lstm", {}, 822_570), ("transformer", {}, 112_986), ("transformer", {"tied": True}, 107_226)],
)
def test_default_networks_have_the_sizes_that_they_are_said_to(
    name: str, options: dict[str, Any], count: int
) -> None:
    made = architecture(name, (20,), 90, options, vocabulary=90)
    assert sum(math.prod(shape) for shape in made.shapes.values()) == count


@EVERY_SMALL
def test_no_position_sees_a_later_one(kind: str) -> None:
    made = small(kind)
    module, x = made.load(made.initial_weights(0)).eval(), tokens()
    changed = x.clone()
    changed[:, 5] = (x[:, 5] + 1) % TOKENS
    with torch.inference_mode():
        before, after = module(x), module(changed)
    assert before.shape == (4, LENGTH, TOKENS)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).any(dim=2).all()


@EVERY_SMALL
def test_one_target_for_a_sample_is_predicted_at_the_last_position(kind: str) -> None:
    each, last = small(kind), small(kind, per_position=False)
    weights = each.initial_weights(0)
    assert last.output_shape == (TOKENS,)
    with torch.inference_mode():
        outputs = last.load(weights)(tokens())
        torch.testing.assert_close(outputs, each.load(weights)(tokens())[:, -1])


@EVERY_SMALL
def test_training_and_evaluation_use_the_parameters_in_the_flat_buffer(kind: str) -> None:
    made = small(kind)
    model = LocalModel(made, made.initial_weights(0), Mask(), Classification())
    for name, parameter in model.module.named_parameters():
        assert parameter.data_ptr() == model.flat[model.pieces[name]].data_ptr()
    loss = nn.functional.cross_entropy(model.module(tokens()).flatten(0, 1), tokens().flatten())
    loss.backward()
    gradients = model.gradients()
    assert set(gradients) == set(made.shapes)
    assert all(value.any() for value in gradients.values())
    with torch.no_grad():
        before = model.module.eval()(tokens())
        model.flat.add_(0.1)
        after = model.module(tokens())
        whole = {name: value + np.float32(0.1) for name, value in made.initial_weights(0).items()}
        torch.testing.assert_close(after, made.load(whole).eval()(tokens()))
    assert not torch.allclose(before, after)


@EVERY_SMALL
def test_a_copy_holds_parameters_of_its_own(kind: str) -> None:
    made = small(kind)
    module = made.load(made.initial_weights(0)).eval()
    with torch.no_grad():
        before = module(tokens())
        other = copy.deepcopy(module)
        for parameter in other.parameters():
            parameter.zero_()
        torch.testing.assert_close(module(tokens()), before)
        assert not other(tokens()).any()


@EVERY_SMALL
def test_pruned_weights_of_every_matrix_stay_at_zero_in_training(kind: str) -> None:
    made = small(kind)
    rng = np.random.default_rng(1)
    mask = Mask({name: rng.random(made.shapes[name]) < 0.5 for name in made.prunable})
    model = LocalModel(made, made.initial_weights(0), mask, Classification())
    for _ in range(3):
        model.gradient.zero_()
        nn.functional.cross_entropy(model.module(tokens()).flatten(0, 1), tokens().flatten()).backward()
        model.flat.sub_(model.gradient, alpha=0.1)
        model.hold_pruned()
    trained = model.weights()
    for name in made.prunable:
        assert not trained[name][~mask[name]].any()
        assert trained[name][mask[name]].all()


def test_masks_cover_recurrent_matrices_and_those_of_attention() -> None:
    assert small("char_lstm").prunable == (
        "lstm1.weight_ih_l0",
        "lstm1.weight_hh_l0",
        "lstm2.weight_ih_l0",
        "lstm2.weight_hh_l0",
        "head.weight",
    )
    parts = ("attention.in_proj_weight", "attention.out_proj.weight", "fc1.weight", "fc2.weight")
    blocks = tuple(f"block{block}.{part}" for block in (1, 2) for part in parts)
    assert small("transformer").prunable == (*blocks, "head.weight")


def test_embeddings_are_covered_if_asked_and_so_is_a_head_that_shares_one() -> None:
    def covered(name: str, options: dict[str, Any]) -> set[str]:
        return {
            *architecture(name, (LENGTH,), TOKENS, options, vocabulary=TOKENS, prune_embeddings=True).prunable
        } - {*architecture(name, (LENGTH,), TOKENS, options, vocabulary=TOKENS).prunable}

    assert covered("char_lstm", SMALL["char_lstm"]) == {"embedding.weight"}
    assert covered("transformer", SMALL["tied"]) == {"token.weight", "position.weight"}
    assert "head.weight" not in small("tied").shapes


def test_units_of_the_mlp_can_be_removed_and_nothing_else_of_a_transformer() -> None:
    made = small("tied")
    assert [(group.name, group.size) for group in made.channels("any")] == [
        ("block1.fc1", 12),
        ("block2.fc1", 12),
    ]
    mask = Mask()
    for group in made.groups:
        mask = channel_mask(group, np.arange(12) % 3 == 0, mask, made.shapes)
    weights = made.initial_weights(0)
    model = LocalModel(made, weights, mask, Classification())
    assert model.module.get_parameter("block1.fc1.weight").shape == (4, 8)
    with torch.inference_mode():
        whole = made.load(mask.apply(weights)).eval()(tokens())
        torch.testing.assert_close(model.module.eval()(tokens()), whole)


def test_an_lstm_says_why_none_of_its_units_can_be_removed() -> None:
    with pytest.raises(
        ModelError,
        match=r"model 'char_lstm' has no layer whose channels can be removed "
        r"\(units of recurrent layers such as 'lstm1' cannot be traced\); prune weights one by one",
    ):
        small("char_lstm").channels("any")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("char_lstm", {"layers": 0}, "'embedding', 'hidden' and 'layers' must be at least 1"),
        ("transformer", {"heads": 3}, "'stream' a multiple of 'heads'"),
        ("transformer", {"dropout": 1.0}, "option 'dropout'"),
    ],
)
def test_options_that_give_no_network_are_refused(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        small(kind, **options)


def test_a_tied_head_needs_an_output_for_each_token() -> None:
    with pytest.raises(ModelError, match="'tied' = true needs an output for each of the 11 tokens"):
        architecture("transformer", (LENGTH,), 3, {"tied": True}, vocabulary=TOKENS)


@pytest.mark.parametrize("name", ["char_lstm", "transformer"])
def test_samples_that_are_no_sequences_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"takes token ids of shape \(length,\), not \(3, 32, 32\)"):
        architecture(name, (3, 32, 32), TOKENS, vocabulary=TOKENS)
