"""Sweeps: every combination once, in a stable order, called by what was varied."""

from __future__ import annotations

import copy
import math
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.scenario.errors import ScenarioError
from fedprune.scenario.sweep import expand, with_axes

AXES = {
    "train.lr": [0.1, 0.2, 0.3],
    "run.seed": [0, 1, 2],
    "model.batch_norm": [False, True],
    "strategy": [
        {"name": "fedavg"},
        {"name": "sub_fedavg", "target": 0.3},
        {"name": "sub_fedavg", "target": 0.5},
    ],
}
sweeps = st.fixed_dictionaries(
    {},
    optional={
        key: st.lists(st.sampled_from(range(len(values))), unique=True, min_size=1)
        for key, values in AXES.items()
    },
).map(lambda picks: {key: [AXES[key][index] for index in indices] for key, indices in picks.items()})


def members(text: str) -> list[tuple[str, dict[str, Any]]]:
    return expand(tomllib.loads(text))


def labels(text: str) -> list[str]:
    return [label for label, _ in members(text)]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(sweeps)
def test_a_sweep_is_the_cross_product_with_a_label_of_its_own_for_each(sweep: dict[str, list[Any]]) -> None:
    raw = {"train": {"epochs": 1}, "sweep": sweep}
    before = copy.deepcopy(raw)
    found = expand(raw)
    assert raw == before
    assert len(found) == math.prod(len(values) for values in sweep.values())
    assert len({label for label, _ in found}) == len(found)
    for _, member in found:
        assert "sweep" not in member
        assert member["train"]["epochs"] == 1
    for key, values in sweep.items():
        section, _, name = key.partition(".")
        for value in values:
            holders = [
                member for _, member in found if (member[section][name] if name else member[section]) == value
            ]
            assert len(holders) * len(values) == len(found)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(sweeps)
def test_members_share_nothing_that_a_change_could_reach(sweep: dict[str, list[Any]]) -> None:
    found = expand({"train": {"epochs": 1}, "sweep": sweep})
    for _, member in found:
        member["train"]["epochs"] += 1
        member.get("strategy", {})["touched"] = True
    assert [member["train"]["epochs"] for _, member in found] == [2] * len(found)
    assert all("touched" not in table for table in AXES["strategy"])


def test_without_a_sweep_there_is_one_member_without_a_label() -> None:
    assert members("[train]\nlr = 0.1") == [("", {"train": {"lr": 0.1}})]


def test_labels_name_what_differs_and_the_seed_varies_fastest() -> None:
    assert labels(
        """
        [sweep]
        "run.seed" = [0, 1]
        strategy = [{ name = "fedavg" }, { name = "sub_fedavg", variant = "hybrid", target = 0.5 },
                    { name = "sub_fedavg", variant = "unstructured", target = 0.5 }]
        """
    ) == [
        "fedavg, seed 0",
        "fedavg, seed 1",
        "sub_fedavg hybrid, seed 0",
        "sub_fedavg hybrid, seed 1",
        "sub_fedavg unstructured, seed 0",
        "sub_fedavg unstructured, seed 1",
    ]


def test_labels_name_numbers_and_booleans_by_their_keys() -> None:
    text = """
        [sweep]
        "model.batch_norm" = [true]
        strategy = [{ name = "sub_fedavg", target = 0.3 }, { name = "sub_fedavg", target = 0.5 }]
        """
    assert labels(text) == [
        "sub_fedavg target 0.3, batch_norm true",
        "sub_fedavg target 0.5, batch_norm true",
    ]


def test_a_table_with_a_name_replaces_a_plug_ins_section_and_others_change_their_keys() -> None:
    text = """
        [strategy]
        name = "sub_fedavg"
        target = 0.3
        [train]
        lr = 0.1
        [sweep]
        strategy = [{ name = "fedavg" }, { target = 0.5 }]
        train = [{ epochs = 1 }]
        """
    first, second = (member for _, member in members(text))
    assert first == {"strategy": {"name": "fedavg"}, "train": {"lr": 0.1, "epochs": 1}}
    assert second == {"strategy": {"name": "sub_fedavg", "target": 0.5}, "train": {"lr": 0.1, "epochs": 1}}


def test_variants_set_several_sections_under_one_label() -> None:
    text = """
        [model]
        name = "lenet5"
        hidden = 3
        [sweep]
        run.seed = [0, 1]
        [[sweep.variant]]
        label = "plain"
        [[sweep.variant]]
        label = "small"
        model = { name = "mlp" }
        "train.lr" = 0.1
        """
    assert labels(text) == ["plain, seed 0", "plain, seed 1", "small, seed 0", "small, seed 1"]
    assert members(text)[0][1] == {"model": {"name": "lenet5", "hidden": 3}, "run": {"seed": 0}}
    assert members(text)[3][1] == {"model": {"name": "mlp"}, "train": {"lr": 0.1}, "run": {"seed": 1}}


def test_a_pinned_axis_is_left_out() -> None:
    raw = {"sweep": {"train.lr": [0.1, 0.2], "run.seed": [0, 1]}}
    assert [label for label, _ in expand(raw, pinned=["train.lr"])] == ["seed 0", "seed 1"]


def test_variants_that_an_override_would_make_alike_are_left_out() -> None:
    text = """
        [[sweep.variant]]
        label = "plain"
        strategy = { name = "fedavg" }
        [[sweep.variant]]
        label = "coded"
        strategy = { name = "fedavg" }
        uplink = { values = "fp16" }
        """
    raw = tomllib.loads(text)
    assert [label for label, _ in expand(raw, pinned=["strategy.name"])] == [""]
    assert [label for label, _ in expand(raw, pinned=["strategy"])] == [""]
    assert [label for label, _ in expand(raw, pinned=["uplink"])] == ["plain", "coded"]
    assert [label for label, _ in expand(raw, pinned=["train.lr"])] == ["plain", "coded"]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("sweep = 3", "[sweep]: must be a table, not 3"),
        ("[sweep]\n'train.lr' = 3", "[sweep] train.lr: must be a list of one or more values, not 3"),
        ("[sweep]\n'train.lr' = []", "[sweep] train.lr: must be a list of one or more values, not []"),
        ("[sweep]\n'evaluate.evry' = [1]", "[sweep] evaluate.evry: unknown key, did you mean 'every'?"),
        ("[sweep]\ntrian = [{}]", "[sweep] trian: unknown section, did you mean 'train'?"),
        ("[sweep]\nlr = [0.1]", "[sweep] lr: unknown section, it is a key of [train]"),
        ("[sweep]\nstrategy = ['fedavg']", "[sweep] strategy: must be a list of tables such as"),
        ("[sweep]\n'run.seed' = [1]\nrun.seed = [2]", "[sweep] run.seed: is listed twice"),
        ("[sweep]\nvariant = 3", "[sweep] variant: must be tables, each written under [[sweep.variant]]"),
        ("[[sweep.variant]]\n'train.lr' = 1", "[sweep] variant: each needs a label of its own, not None"),
        (
            "[[sweep.variant]]\nlabel='a'\n[[sweep.variant]]\nlabel='a'",
            "each needs a label of its own, not 'a'",
        ),
        ("[[sweep.variant]]\nlabel='a'\n'evaluate.x' = 1", "[sweep] variant 'a': evaluate.x: unknown key"),
        (
            "[sweep]\ntrain = [{lr = 1}]\n[[sweep.variant]]\nlabel='a'\n'train.lr' = 1",
            "[sweep] train: is also set by [[sweep.variant]]",
        ),
        (
            "[sweep]\n" + "".join(f"'model.x{i}' = [1, 2]\n" for i in range(64)),
            "[sweep]: more than 1000 runs",
        ),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(sweep: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        members(sweep)
    assert said in str(caught.value)


def test_axes_of_the_command_line_take_the_place_of_the_files_for_the_same_key() -> None:
    raw = tomllib.loads("[sweep]\nrun.seed = [0, 1]\n'train.lr' = [0.1]\n[[sweep.variant]]\nlabel = 'a'\n")
    found = expand(with_axes(raw, {"run.seed": [7, 8], "train.epochs": [2]}))
    assert [label for label, _ in found] == ["a, lr 0.1, epochs 2, seed 7", "a, lr 0.1, epochs 2, seed 8"]
    assert raw["sweep"]["run"] == {"seed": [0, 1]}
