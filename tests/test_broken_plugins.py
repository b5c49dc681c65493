"""A user's plug-in that does not work is told in one line, with its file and line number."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune import Scenario, plugins
from fedprune.scenario import ScenarioError
from fedprune.strategy import make_strategy

HEAD = '"""Mine."""\nfrom dataclasses import dataclass\nfrom fedprune import Strategy\n'
MADE = HEAD + "@dataclass(frozen=True)\nclass Mine(Strategy):\n"

BROKEN = {
    "a syntax error": ("x = 1\ndef broken(:\n", "strategies/mine.py:2: is not valid Python: "),
    "a module that is not there": (
        "import nowhere_at_all\n",
        "mine.py:1: imports 'nowhere_at_all', which is",
    ),
    "a name that is not there": (
        "from fedprune import Strateg\n",
        "mine.py:1: 'fedprune' has no 'Strateg', did you mean 'Strategy'?",
    ),
    "an exit": ("import sys\nsys.exit(3)\n", "mine.py:2: SystemExit: 3 ends the program"),
    "an interrupt": ("raise KeyboardInterrupt\n", "mine.py:1: KeyboardInterrupt ends the program"),
    "any error": ("1 / 0\n", "mine.py:1: importing it failed: ZeroDivisionError: division by zero"),
    "no class": ('"""Mine."""\n', "strategies/mine.py: defines no class; a strategy's file defines one"),
    "two classes": (
        MADE + "    pass\n@dataclass(frozen=True)\nclass Other(Strategy):\n    pass\n",
        "defines more than one strategy: Mine, Other; begin the names of all but one with '_'",
    ),
    "no base": (
        HEAD + "@dataclass(frozen=True)\nclass Mine:\n    pass\n",
        "mine.py:4: class Mine does not derive from Strategy: write class Mine(Strategy)",
    ),
    "no dataclass": (
        HEAD + "class Mine(Strategy):\n    share: float = 0.5\n",
        "mine.py:4: class Mine is no frozen dataclass: write @dataclass(frozen=True) above class Mine",
    ),
    "a dataclass that is not frozen": (
        HEAD + "@dataclass\nclass Mine(Strategy):\n    pass\n",
        "; write @dataclass(frozen=True)",
    ),
    "a misspelled hook": (
        MADE + "    def agregate(self, server, updates):\n        return server.weights\n",
        "mine.py:6: Mine has no hook 'agregate', did you mean 'aggregate'?",
    ),
    "a missing parameter": (
        MADE + "    def upload(self, client):\n        return None\n",
        "mine.py:6: Mine.upload takes (self, client); it is called with (self, client, travelling)",
    ),
    "a default of another type": (
        MADE + '    share: float = "half"\n',
        "the default of field 'share' must be",
    ),
    "an unknown type": (
        MADE + "    share: 'Shere' = 1\n",
        "the type of a field is of no use here: name 'Shere'",
    ),
    "a field that hides a key": (MADE + '    name: str = "x"\n', "has a field 'name', which is a key of"),
}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a strategy 'mine' in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").mkdir()
    return tmp_path / "strategies" / "mine.py"


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_strategy_is_told_in_one_line_that_says_where(mine: Path, case: str) -> None:
    source, said = BROKEN[case]
    mine.write_text(source, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict({"strategy": {"name": "mine"}})
    assert "[strategy] name: " in str(caught.value)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    assert not list(mine.parent.glob("__pycache__"))


@pytest.mark.parametrize(
    ("hook", "arguments", "said"),
    [
        ("aggregate", "server, updates", "returns None; it must return a dict of numpy arrays"),
        ("send", "server, travelling, mask", "returns None; it must return a Payload"),
        ("masked", "prunable, groups", "returns None; it must return a tuple of parameter names"),
    ],
)
def test_a_hook_that_returns_the_wrong_kind_of_thing_is_named(
    mine: Path, hook: str, arguments: str, said: str
) -> None:
    mine.write_text(MADE + f"    def {hook}(self, {arguments}):\n        pass\n", "utf-8")
    strategy = make_strategy({"name": "mine"})
    with pytest.raises(plugins.BrokenPluginError, match=rf"strategies/mine\.py:6: Mine\.{hook} {said}"):
        getattr(strategy, hook)(*[None] * len(arguments.split(", ")))


def test_a_changed_file_is_run_again_and_an_equal_one_is_not(mine: Path) -> None:
    mine.write_text(MADE + "    share: float = 0.5\n", "utf-8")
    first = plugins.load("strategies", "mine")
    assert plugins.load("strategies", "mine") is first
    mine.write_text(MADE + "    share: float = 0.25\n", "utf-8")
    assert plugins.dataclass_of("strategies", "mine")().share == 0.25


def test_two_different_plug_ins_of_one_name_are_refused_and_both_are_named(mine: Path) -> None:
    clash = mine.with_name("fedavg.py")
    clash.write_text(MADE + "    pass\n", "utf-8")
    with pytest.raises(
        plugins.PluginError, match=r"two strategies are called 'fedavg': .* and strategies/fed"
    ):
        plugins.load("strategies", "fedavg")
    clash.write_bytes((plugins.bundled("strategies") / "fedavg.py").read_bytes())
    plugins.load("strategies", "fedavg")


def test_an_unknown_name_says_where_it_was_looked_for(mine: Path) -> None:
    mine.write_text(MADE + "    pass\n", "utf-8")
    with pytest.raises(ScenarioError, match=r"did you mean 'mine'\? \(looked in strategies too\)"):
        Scenario.from_dict({"strategy": {"name": "mines"}})
