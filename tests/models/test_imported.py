"""A user's own module, by import path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedprune import cli
from fedprune.compute.model import LocalModel
from fedprune.models import ModelError, architecture
from fedprune.plugins import BrokenPluginError, UnknownPluginError
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.scenario import Scenario, ScenarioError
from fedprune.tasks.classification import Classification

SHAPE = (1, 8, 8)


def test_a_module_with_known_layers_is_a_model_like_any_other() -> None:
    made = architecture("theirs:Good", SHAPE, 4, {"channels": 8})
    assert made.shapes["conv.weight"] == (8, 1, 3, 3)
    assert made.prunable == ("conv.weight", "head.weight")
    (group,) = made.channels("conv")
    mask = channel_mask(group, np.arange(8) < 3, Mask(), made.shapes)
    weights = LocalModel(made, made.initial_weights(0), mask, Classification()).weights()
    assert not weights["conv.weight"][3:].any()
    assert weights["conv.weight"][:3].all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": 8}, r"unknown option 'channel', did you mean 'channels'\?"),
        ({"channels": "8"}, "option 'channels' = '8': input should be a valid integer"),
        ({"channels": 0.5}, "option 'channels' = 0.5"),
        ({"outputs": 3}, "unknown option 'outputs'"),
        ({"channels": -1}, "cannot be built: RuntimeError"),
    ],
)
def test_options_are_those_of_the_constructor(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=f"model 'theirs:Good'.*{message}"):
        architecture("theirs:Good", SHAPE, 4, options)


def test_a_class_that_names_vocabulary_gets_that_of_the_data_and_token_ids() -> None:
    made = architecture("theirs:Tokens", (9,), 5, vocabulary=12, per_position=True)
    assert made.shapes["table.weight"] == (5, 12)
    assert made.input_dtype == "int64"
    assert made.output_shape == (9, 5)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("theirs:Tokens", {}, "'theirs:Tokens' takes token ids and the data set has none"),
        ("mlp", {"vocabulary": 12}, "'mlp' takes numbers and the data are token ids"),
        ("theirs:Good", {"vocabulary": 12}, "'theirs:Good': a forward pass over .* failed"),
        ("theirs:Tokens", {"vocabulary": 12}, r"gives \(2, 9, 5\) for 2 samples, not \(2, 5\)"),
    ],
)
def test_a_model_that_does_not_fit_the_data_is_refused(name: str, data: dict[str, int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        architecture(name, (9,), 5, **data)


def test_what_the_data_decide_is_no_option() -> None:
    with pytest.raises(ModelError, match="unknown option 'vocabulary'"):
        architecture("theirs:Tokens", (9,), 5, {"vocabulary": 3}, vocabulary=12)


def test_an_option_that_the_constructor_needs_is_asked_for() -> None:
    with pytest.raises(
        ModelError, match=r"'theirs:Scaled': missing a required .*'strength'; it is called with"
    ):
        architecture("theirs:Scaled", SHAPE, 4)


def test_a_module_may_say_how_its_own_parameters_begin() -> None:
    made = architecture("theirs:Scaled", SHAPE, 4, {"strength": 2.0})
    first, again, other = made.initial_weights(1), made.initial_weights(1), made.initial_weights(2)
    assert first["strength"].dtype == np.float32
    assert first["strength"] == again["strength"] != other["strength"]
    assert first["conv.weight"].any()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "Unknown",
            r"no initial distribution .* 'slope' .* type Unknown; .* define initial_weights\(rng\)",
        ),
        ("Misnamed", "initial_weights of Misnamed gives 'strenght'"),
        ("Broken", "cannot be built: ValueError: cannot be made"),
        ("Loose", "failed: .*meta.* made in forward, or registered as buffers"),
        ("Narrow", r"gives \(2, 3\) for 2 samples, not \(2, 4\)"),
        ("Dropping", r"'drop' \(Dropout\) drops by torch's global generator, .*; use .*KeyedDropout"),
        ("Indexed", "the values of buffer 'order' would be lost; compute them in forward"),
        ("Hidden", "the values of buffer 'scale' would be lost; compute them in forward"),
        ("Lazy", r"'head' \(LazyLinear\) has no sizes before its first batch, .* in the constructor"),
        ("function", "is not a class derived from torch.nn.Module"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        architecture(f"theirs:{name}", SHAPE, 4)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nowhere:Net",
            "no module 'nowhere' to import 'Net' from; install it, or put its folder on PYTHONPATH",
        ),
        ("theirs.inner:Net", "no module 'theirs.inner'"),
        ("theirs:", "is no import path; write package.module:Name"),
        (":Good", "is no import path"),
        ("./theirs.py:Good", "is no import path"),
    ],
)
def test_a_scenario_with_a_path_to_nothing_is_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        Scenario.from_dict({"model": {"name": name}})
    assert "[model] name" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownPluginError, match=r"'theirs' has no 'Goode', did you mean 'Good'\?"):
        architecture("theirs:Goode", SHAPE, 4)


def test_a_module_that_fails_to_import_says_why() -> None:
    said = r"failing\.py:1: imports 'nothing_of_that_name', which is not installed here"
    with pytest.raises(BrokenPluginError, match=said):
        architecture("failing:Net", SHAPE, 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Untraceable", "its graph cannot be traced: RuntimeError: no gradient through this"),
        ("Viewed", "without some channels of 'conv' it fails or computes something else"),
        ("Mixed", "without some channels of 'conv' it fails or computes something else"),
    ],
)
def test_without_removable_channels_weights_are_pruned_one_by_one_and_channels_say_why(
    name: str, message: str
) -> None:
    made = architecture(f"theirs:{name}", SHAPE, 4)
    assert made.groups == ()
    mask = Mask({"conv.weight": np.arange(54).reshape(6, 1, 3, 3) < 20})
    weights = LocalModel(made, made.initial_weights(0), mask, Classification()).weights()
    assert np.array_equal(weights["conv.weight"] != 0, mask["conv.weight"])
    with pytest.raises(ModelError, match=f"model 'theirs:{name}' has no convolution .*{message}") as caught:
        made.channels("conv")
    assert "\n" not in str(caught.value)


def test_asking_a_net_without_convolutions_for_their_channels_names_it() -> None:
    made = architecture("mlp", SHAPE, 4)
    assert made.channels("any") == made.groups
    with pytest.raises(
        ModelError, match=r"'mlp' has no convolution .* removed; prune weights one by one, or"
    ):
        made.channels("conv")


def test_the_command_line_runs_a_users_module_and_refuses_what_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEDPRUNE_CACHE", str(tmp_path / "cache"))
    scenario = tmp_path / "own.toml"
    scenario.write_text(
        "[run]\nrounds = 1\nclients_per_round = 2\n[partition]\nclients = 20\nshard_size = 20\n"
        '[strategy]\nname = "sub_fedavg"\nvariant = "structured"\n[train]\nepochs = 1\n'
        "[engine]\nname = 'in_process'\n",
        "utf-8",
    )

    def run(model: str) -> int:
        return cli.main(
            ["run", str(scenario), "--set", f"model.name={model}", "--out", str(tmp_path / "runs")]
        )

    assert run("theirs:Good") == 0
    assert list((tmp_path / "runs").glob("*/results.json"))
    capsys.readouterr()
    for wrong in ("nowhere:Net", "theirs:Goode", "theirs:Narrow"):
        assert run(wrong) == 2
        # What was found is named before what is wrong with it.
        *notes, last = capsys.readouterr().err.splitlines()
        assert last.startswith("fedprune: error: ")
        assert all(note.startswith(f"model '{wrong}' from ") for note in notes)
