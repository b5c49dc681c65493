"""What names a run: its settings, and the user's code that can change a result."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedprune import plugins
from fedprune.scenario import Scenario
from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.sections import SECTIONS

STRATEGY = '''"""Mine."""
from dataclasses import dataclass
from fedprune import Strategy

@dataclass(frozen=True)
class Mine(Strategy):
    """Averages."""
'''

TRAINER = '''"""Mine."""
from dataclasses import dataclass
from fedprune.compute.trainers import Trainer

@dataclass(frozen=True)
class Mine(Trainer):
    """Never trains."""

    def fit(self, request):
        raise NotImplementedError

    def gradient(self, request):
        raise NotImplementedError

    def activity(self, request):
        raise NotImplementedError

    def scored(self, request):
        raise NotImplementedError
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user stands, with a strategy and a trainer called ``mine``."""
    for kind, text in (("strategies", STRATEGY), ("trainers", TRAINER)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(**sections: dict[str, str]) -> Scenario:
    return Scenario.from_dict(sections)


def test_without_code_of_the_users_a_runs_hash_is_that_of_its_settings() -> None:
    scenario = named(strategy={"name": "sub_fedavg"})
    assert scenario.run_hash() == scenario.settings_hash()


def test_another_version_of_a_strategy_makes_another_run_of_the_same_settings(folder: Path) -> None:
    before = named(strategy={"name": "mine"})
    assert before.run_hash() not in (before.settings_hash(), named().run_hash())
    assert named(strategy={"name": "mine"}).run_id() == before.run_id()
    (folder / "strategies/mine.py").write_text(f"{STRATEGY}\n# changed\n")
    after = named(strategy={"name": "mine"})
    assert after.settings_hash() == before.settings_hash()
    assert after.run_id() != before.run_id()


def test_a_run_is_named_alike_in_whatever_folder_its_code_lies(folder: Path, tmp_path: Path) -> None:
    here = named(strategy={"name": "mine"}).run_id()
    elsewhere = tmp_path / "moved"
    (elsewhere / "strategies").mkdir(parents=True)
    (elsewhere / "strategies/mine.py").write_text(STRATEGY)
    with plugins.reaching([elsewhere]):
        assert named(strategy={"name": "mine"}).run_id() == here


def test_code_that_changes_no_result_names_no_run(folder: Path) -> None:
    assert named(compute={"trainer": "mine"}).run_id() == named().run_id()


def test_the_kinds_whose_code_names_a_run_are_those_whose_sections_decide_results() -> None:
    for section in SECTIONS.values():
        if issubclass(section, PluginSection):
            assert plugins.KINDS[section.KIND].decides is section.ROLE.changes_results
