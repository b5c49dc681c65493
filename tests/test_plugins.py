"""Plug-ins: a file is its own registration, an installed package adds more, and each kind keeps its
contract."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.data.declared import BundledSet, HubSet

EVERY = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]
FUNCTIONS = {
    "models": {"build"},
    "mask_codings": {"encode", "decode"},
    "entropy_coders": {"encode", "decode"},
    "criteria": {"importance"},
    "trackers": {"open_tracker"},
}


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_loads_says_what_it_is_and_has_what_its_kind_asks_for(kind: str, name: str) -> None:
    module = plugins.load(kind, name)
    assert plugins.describe(kind)[name] == (module.__doc__ or "").split("\n", 1)[0]
    assert plugins.describe(kind)[name].endswith(".")
    assert all(callable(getattr(module, function)) for function in FUNCTIONS.get(kind, ()))
    if kind == "strategies":
        assert plugins.dataclass_of("strategies", name).__module__ == module.__name__
    elif kind == "quantizers":
        made = plugins.dataclass_of(kind, name)()
        assert all(
            callable(getattr(made, method))
            for method in ("alphabets", "side_bytes", "quantize", "dequantize")
        )
    elif kind == "engines":
        assert callable(plugins.dataclass_of(kind, name)().open)
    elif kind == "datasets":
        assert isinstance(module.SET, BundledSet | HubSet)


def test_every_kind_has_plug_ins_in_sorted_order() -> None:
    for kind in plugins.KINDS:
        assert plugins.names(kind)
        assert plugins.names(kind) == sorted(plugins.names(kind))


def test_files_that_begin_with_an_underscore_are_no_plug_ins() -> None:
    assert not [name for _, name in EVERY if name.startswith("_")]


def test_a_plug_in_is_loaded_once() -> None:
    assert plugins.load("strategies", "fedavg") is plugins.load("strategies", "fedavg")


def test_an_unknown_name_is_refused_with_what_was_meant_or_what_there_is() -> None:
    with pytest.raises(
        plugins.UnknownPluginError, match=r"unknown strategy 'fedavgg', did you mean 'fedavg'\?"
    ):
        plugins.load("strategies", "fedavgg")
    with pytest.raises(plugins.UnknownPluginError, match=r"unknown quantizer 'zzz'; known: .*fp32"):
        plugins.load("quantizers", "zzz")


def test_an_installed_package_adds_a_strategy_that_scenarios_can_name(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        '"""Theirs: never averages."""\n'
        "from dataclasses import dataclass\n"
        "from fedprune import Strategy\n"
        "@dataclass(frozen=True)\n"
        "class Theirs(Strategy):\n"
        "    strength: float = 0.5\n",
        "utf-8",
    )
    info = tmp_path / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text("[fedprune.strategies]\nnever = theirs\n", "utf-8")
    code = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "from fedprune import Scenario, plugins\n"
        "from fedprune.strategy import make_strategy\n"
        "scenario = Scenario.from_dict({'strategy': {'name': 'never', 'strength': 1}})\n"
        "print(plugins.describe('strategies')['never'], scenario.strategy.fields)\n"
        "print(make_strategy(scenario.to_dict()['strategy']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "from theirs {'statistics': 'averaged', 'strength': 1.0}",
        "Theirs(statistics='averaged', strength=1.0)",
    ]
