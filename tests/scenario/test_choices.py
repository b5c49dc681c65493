"""[[update]], [aggregate] and [server_optimizer]: how they are read, and which methods refuse them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedprune import plugins
from fedprune.federation.experiment import open_experiment
from fedprune.scenario import Scenario, ScenarioError, load_scenarios

NOISY = [{"name": "clip", "norm": 2.0}, {"name": "gaussian_noise"}]


def read(**sections: Any) -> Scenario:
    return Scenario.from_dict(sections)


def test_a_chain_keeps_its_order_and_reaches_clients_which_are_not_told_how_the_server_combines() -> None:
    scenario = read(update=NOISY, aggregate={"name": "median"}, server_optimizer={"name": "yogi"})
    told = Scenario.from_client_settings(scenario.client_settings())
    assert [table.name for table in told.update.root] == ["clip", "gaussian_noise"]
    assert told.update == scenario.update
    assert (told.aggregate.name, told.server_optimizer.name) == ("mean", "none")


def test_each_of_them_can_be_swept_and_overridden(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        '[sweep]\naggregate = [{ name = "mean" }, { name = "median" }]\n'
        'update = [[], [{ name = "clip", norm = 0.5 }]]\n'
    )
    overrides = ["server_optimizer.name=adam", "server_optimizer.tau=0.1"]
    scenarios = load_scenarios(file, overrides)
    assert [(each.aggregate.name, len(each.update.root)) for each in scenarios] == [
        ("mean", 0),
        ("mean", 1),
        ("median", 0),
        ("median", 1),
    ]
    assert {each.server_optimizer.fields["tau"] for each in scenarios} == {0.1}
    assert len({each.run_id() for each in scenarios}) == 4


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (
            '[[update]]\nname = "clip"\n[[update]]\nname = "clip"\nnorm = 0.0',
            "[[update]] 2 norm: must be great",
        ),
        (
            '[[update]]\nname = "clipp"',
            "[[update]] 1 name: unknown update stage 'clipp', did you mean 'clip'?",
        ),
        ('[aggregate]\nname = "trimmed_mean"\ntrim = 0.5', "[aggregate] trim: must lie in"),
        ('[server_optimizer]\nname = "adam"\ntua = 1.0', "[server_optimizer] tua: unknown key of server opt"),
        (
            '[strategy]\nname = "fedpm"\n[aggregate]\nname = "median"',
            "[aggregate]: 'fedpm' cannot take it: clients send masks",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, written: str, line: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(written + "\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(file)
    assert line in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("strategy", plugins.names("strategies"))
def test_a_method_refuses_with_a_reason_or_takes_it(strategy: str) -> None:
    for section, asked in (
        ("update", NOISY),
        ("aggregate", {"name": "median"}),
        ("server_optimizer", {"name": "adam"}),
    ):
        reason = read(strategy={"name": strategy}).strategy.made().refuses(section)
        if reason is None:
            read(strategy={"name": strategy}, **{section: asked})
            continue
        with pytest.raises(ScenarioError, match=f"'{strategy}' cannot take it: {reason[:20]}"):
            read(strategy={"name": strategy}, **{section: asked})


def opened(**sections: Any) -> None:
    scenario = read(data={"name": "digits"}, partition={"clients": 5, "shard_size": 20}, **sections)
    open_experiment(scenario.client_settings(), None)


def test_noise_without_a_clip_is_refused_when_the_scenario_is_opened() -> None:
    with pytest.raises(ScenarioError, match=r"\[\[update\]\] 1 name: needs an update of bounded norm"):
        opened(update=NOISY[1:], model={"name": "digits_cnn"}, run={"clients_per_round": 5})


def test_noise_on_running_variances_is_refused_when_the_scenario_is_opened() -> None:
    sections: dict[str, Any] = {
        "run": {"clients_per_round": 5},
        "model": {"name": "digits_cnn", "batch_norm": True},
    }
    with pytest.raises(ScenarioError, match=r"\[\[update\]\] 2 name: could make the variances"):
        opened(update=NOISY, **sections)
    opened(update=NOISY[:1], **sections)
    opened(update=NOISY, strategy={"statistics": "personal"}, **sections)
