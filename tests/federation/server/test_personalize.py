"""Models after the last round: the same bits however they are made, honest bytes, and choices without test
data."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import fedprune
from fedprune import simulate
from fedprune.federation.finished import FinishedFederation
from fedprune.federation.protocol.personal import PersonalScore
from fedprune.federation.server.personalize import Personalizing
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.runs.log import read_lines
from fedprune.runs.metrics import METRICS
from fedprune.runs.personal import answers_so_far, personal_rows, personalized_as
from fedprune.scenario import Scenario, ScenarioError
from fedprune.scenario.sections import PersonalizeSection
from fedprune.wire.errors import CodecError

SETTINGS: dict[str, dict[str, Any]] = {
    "run": {"name": "small", "rounds": 2, "clients_per_round": 3},
    "data": {"name": "digits"},
    "partition": {
        "name": "shards",
        "clients": 5,
        "shards_per_client": 2,
        "shard_size": 20,
        "validation": 0.2,
    },
    "model": {"name": "digits_cnn", "batch_norm": True},
    "train": {"epochs": 1, "lr": 0.05},
    "engine": {"name": "in_process"},
}
ASKED = {"densities": [0.5, 0.1], "before": 1, "after": 1}
KEYS = ("densities=[0.5, 0.1]", "before=1", "after=1")


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run of FedAvg. Not to be written to."""
    (found,) = fedprune.run(Scenario.from_dict(SETTINGS), out=tmp_path_factory.mktemp("runs"))
    return found.folder


@pytest.fixture(scope="module")
def personalized(complete: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That run after its clients personalized their models. Not to be written to."""
    folder = copied(complete, tmp_path_factory.mktemp("personalized"))
    simulate.personalize(folder, KEYS)
    return folder


def copied(run: Path, to: Path) -> Path:
    return Path(shutil.copytree(run, to / run.name))


def bits(run: Path) -> dict[str, bytes]:
    """All that personalizing leaves in a run folder."""
    kept = sorted((run / "state" / "personal").rglob("*.safetensors"))
    assert kept
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in [run / "personal.jsonl", *kept]}


def stopping_after(answers: int) -> Any:
    """Interrupts once so many clients have answered, as a keyboard would."""

    def told(done: int, clients: int) -> None:
        if done == answers:
            raise KeyboardInterrupt

    return told


def test_a_personalization_that_was_stopped_goes_on_to_the_same_bits(
    complete: Path, personalized: Path, tmp_path: Path
) -> None:
    folder = copied(complete, tmp_path)
    for answers in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            simulate.personalize(folder, KEYS, told=stopping_after(answers))
        assert len(read_lines(answers_so_far(RunFolder(folder)))) == answers
    simulate.personalize(folder, KEYS)
    assert bits(folder) == bits(personalized)
    assert not answers_so_far(RunFolder(folder)).exists()


def test_two_workers_give_the_bits_of_one_process(personalized: Path, tmp_path: Path) -> None:
    scenario = Scenario.from_dict(
        {**SETTINGS, "personalize": ASKED, "engine": {"name": "processes", "workers": 2}}
    )
    (found,) = fedprune.run(scenario, out=tmp_path)
    assert found.folder.name == personalized.name
    assert bits(found.folder) == bits(personalized)


def test_what_a_scenario_asks_for_is_done_after_its_last_round_also_of_a_run_that_is_there(
    complete: Path, personalized: Path, tmp_path: Path
) -> None:
    copied(complete, tmp_path)
    (found,) = fedprune.run(Scenario.from_dict({**SETTINGS, "personalize": ASKED}), out=tmp_path)
    assert found.folder.name == complete.name
    assert bits(found.folder) == bits(personalized)


def test_personalizing_again_does_nothing_and_by_other_keys_begins_anew(
    personalized: Path, tmp_path: Path
) -> None:
    folder, asked = copied(personalized, tmp_path), list[int]()
    simulate.personalize(folder, KEYS, told=lambda done, clients: asked.append(done))
    assert asked == []
    simulate.personalize(folder, [*KEYS, "scope=layer"], told=lambda done, clients: asked.append(done))
    assert asked == [1, 2, 3, 4, 5]
    assert personalized_as(RunFolder(folder))["scope"] == "layer"


def test_each_line_has_the_documented_fields_and_every_client_every_model(personalized: Path) -> None:
    rows = personal_rows(personalized)
    assert all(set(row) == set(METRICS["personal.jsonl"]) for row in rows)
    wanted = [("dense", 1.0)]
    wanted += [(kind, density) for density in (0.5, 0.1) for kind in ("own", "shared", "random")]
    for client in range(5):
        assert [(row["kind"], row["target"]) for row in rows if row["client"] == client] == wanted
    assert fedprune.load(personalized).personal.height == len(rows)


def test_controls_are_as_dense_and_smaller_models_take_fewer_bytes(personalized: Path) -> None:
    for client in range(5):
        rows = {
            (row["kind"], row["target"]): row
            for row in personal_rows(personalized)
            if row["client"] == client
        }
        for target in (0.5, 0.1):
            own = rows["own", target]
            assert own["density"] == pytest.approx(target, abs=0.001)
            assert rows["random", target]["density"] == own["density"]
            assert rows["shared", target]["density"] == pytest.approx(own["density"], abs=1e-9)
        assert rows["dense", 1.0]["bytes"] > rows["own", 0.5]["bytes"] > 2 * rows["own", 0.1]["bytes"]


def test_shared_masks_count_for_the_models_under_them_alone(personalized: Path) -> None:
    rows = [row for row in personal_rows(personalized) if row["client"] == 0]
    down = {(row["kind"], row["target"]): row["bytes_down"] for row in rows}
    assert down["dense", 1.0] == down["own", 0.5] == down["random", 0.1]
    # A mask of half of 13,802 weights is all but incompressible; one of a tenth takes half of that.
    half, tenth = (down["shared", target] - down["own", target] for target in (0.5, 0.1))
    assert 1000 < half < 1900
    assert tenth < 0.6 * half


def test_a_client_chooses_its_sparsest_model_that_validation_data_let_pass(personalized: Path) -> None:
    gate = PersonalizeSection().gate
    for client in range(5):
        rows = [row for row in personal_rows(personalized) if row["client"] == client]
        dense, own = rows[0], [row for row in rows if row["kind"] == "own"]
        enough = [row for row in own if row["validation_score"] >= dense["validation_score"] - gate]
        wanted = min(enough, key=lambda row: row["density"], default=dense)
        assert [row for row in rows if row["chosen"]] == [wanted]
        model = fedprune.load(personalized).model(client=client, personalized=True)
        assert model.density == pytest.approx(wanted["density"])


def models(kinds: Mapping[tuple[str, float], bool]) -> list[PersonalScore]:
    """Models by (kind, target), and whether each is the chosen one."""
    return [
        PersonalScore(kind, target, target, 10, 10, 10, 0.5, 0.5, chosen)
        for (kind, target), chosen in kinds.items()
    ]


WHOLE = {("dense", 1.0): True, ("own", 0.5): False, ("shared", 0.5): False, ("random", 0.5): False}


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (models({("dense", 1.0): True}), "asked for were"),
        (models({**WHOLE, ("own", 0.5): True}), "not one of the personal models is the chosen one"),
        ([dataclasses.replace(each, parameters=10**9) for each in models(WHOLE)], "the whole one has fewer"),
        ([dataclasses.replace(each, test_score=1.5) for each in models(WHOLE)], "test_score"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    complete: Path, said: list[PersonalScore], complaint: str
) -> None:
    server = FinishedFederation.open(complete).server
    asked = Personalizing(server, PersonalizeSection(densities=(0.5,)))
    asked.check(models(WHOLE))
    with pytest.raises(CodecError, match=complaint):
        asked.check(said)


def test_mistakes_are_told_before_anything_runs(complete: Path, tmp_path: Path) -> None:
    folder = copied(complete, tmp_path)
    with pytest.raises(ScenarioError, match="did you mean 'densities'"):
        simulate.personalize(folder, ["densitys=[0.5]"])
    with pytest.raises(ScenarioError, match="densities"):
        simulate.personalize(folder, ["densities=[1.5]"])
    with pytest.raises(ScenarioError, match="twice"):
        simulate.personalize(folder, ["densities=[0.5, 0.5]"])
    with pytest.raises(RunError, match="no client has personalized its model"):
        fedprune.load(folder).model(client=0, personalized=True)
    RunFolder.open(folder).write_status("stopped", 1)
    with pytest.raises(RunError, match="not complete; finish it with"):
        simulate.personalize(folder, KEYS)


def test_a_server_without_a_whole_model_has_no_shared_mask(tmp_path: Path) -> None:
    settings = {**SETTINGS, "strategy": {"name": "standalone"}, "personalize": ASKED}
    (found,) = fedprune.run(Scenario.from_dict(settings), out=tmp_path)
    assert {row["kind"] for row in personal_rows(found.folder)} == {"dense", "own", "random"}
