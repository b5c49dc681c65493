"""Whatever becomes of a run folder's files: it is told, or the run ends in the bits of one left in peace."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from fedprune import simulate
from fedprune.federation.server import loop
from fedprune.progress import Progress
from fedprune.runs.files import RunError
from fedprune.runs.folder import RunFolder
from fedprune.scenario import Scenario

from .conformance.battery import PRUNING, bits, small
from .damage import BEGUN, ENDED, HARMS, copied, flip, harmed, judged, seen

ROUNDS = 6
KEPT = {"rounds": ROUNDS, "keep_history": True}


class StopAfter(Progress):
    """Interrupts a run after a round."""

    def __init__(self, round: int) -> None:
        self._round = round

    def round_finished(self, record: Mapping[str, Any]) -> None:
        if record["round"] == self._round:
            raise KeyboardInterrupt


def begun(scenario: Scenario, out: Path, rounds: int) -> Path:
    """The folder of a run that was interrupted after so many rounds."""
    with contextlib.suppress(KeyboardInterrupt):
        simulate.run(scenario, out=out, progress=StopAfter(rounds))
    return out / scenario.run_id()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of one run each: in ``whole`` to its end, in ``cut`` the same run after five rounds, and in
    ``other whole`` and ``other cut`` those of another seed."""
    out, scenario = tmp_path_factory.mktemp("pristine"), small(PRUNING, run=KEPT)
    another = small(PRUNING, run={**KEPT, "seed": 1})
    for which, place in ((scenario, ""), (another, "other ")):
        simulate.run(which, out=out / f"{place}whole")
        begun(which, out / f"{place}cut", 5)
    return out


def only(folder: Path) -> Path:
    """The only run in ``folder``."""
    (run,) = folder.iterdir()
    return run


@pytest.fixture
def cut(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the interrupted run."""
    return copied(only(pristine / "cut"), tmp_path / "runs")


@pytest.fixture(scope="module")
def undisturbed(pristine: Path) -> dict[str, Any]:
    return bits(only(pristine / "whole"))


@pytest.fixture(scope="module")
def shown(pristine: Path) -> dict[str, Any]:
    return seen(only(pristine / "whole"))


@pytest.fixture
def in_time() -> Iterator[None]:
    """Whoever waits for a pipe is interrupted."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("somebody waits for a pipe")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def newest(run: Path, side: str) -> Iterator[Path]:
    """The newest version of each client's state that the run's last round wrote."""
    for client in sorted((run / "state" / side).glob("*/*")):
        yield max(client.iterdir(), key=lambda path: int(path.stem))


@pytest.mark.parametrize("side", ["clients", "server"])
def test_a_resume_goes_back_to_before_a_damaged_state_and_ends_in_the_same_bits(
    side: str, cut: Path, undisturbed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    flip(next(path for path in newest(cut, side) if path.stem == "5"), cut, cut)
    simulate.resume(cut)
    assert "round-000005 is passed over (state of client" in caplog.text
    assert bits(cut) == undisturbed


def test_of_very_many_clients_the_states_that_going_back_could_mend_are_checked_before_a_resume(
    cut: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop, "CHECKED", 0)
    other = copied(cut, cut.parent / "other")
    flip(next(path for path in newest(other, "clients") if path.stem != "5"), other, other)
    with pytest.raises(RunError, match=r"state of client .* is damaged"):
        simulate.resume(other)
    assert "passed over" not in caplog.text
    flip(next(path for path in newest(cut, "clients") if path.stem == "5"), cut, cut)
    simulate.resume(cut)
    assert "round-000005 is passed over (state of client" in caplog.text
    assert bits(cut) == undisturbed


def test_states_of_two_clients_that_were_swapped_are_found_out(
    cut: Path, undisturbed: dict[str, Any]
) -> None:
    first, second = [path for path in newest(cut, "clients") if path.stem == "5"][:2]
    first.rename(cut / "first")
    second.rename(first)
    (cut / "first").rename(second)
    simulate.resume(cut)
    assert bits(cut) == undisturbed


def test_a_state_that_no_checkpoint_does_without_ends_the_run_in_one_line(cut: Path) -> None:
    for version in (cut / "state" / "clients").glob("*/*/*"):
        flip(version, cut, cut)
    with pytest.raises(RunError, match=r"no checkpoint .* is whole \(state of client .* --force") as told:
        simulate.resume(cut)
    assert "\n" not in str(told.value)
    assert RunFolder.open(cut).read_status()["state"] == "failed"


class Damage(Progress):
    """Does something to the run's folder after a round."""

    def __init__(self, round: int, act: Any) -> None:
        self._round, self._act = round, act

    def round_finished(self, record: Mapping[str, Any]) -> None:
        if record["round"] == self._round:
            self._act()


@pytest.mark.parametrize("engine", [{"name": "in_process"}, {"name": "processes", "workers": 1}])
def test_state_that_fails_while_a_run_goes_on_ends_it_and_it_can_be_resumed(
    engine: dict[str, Any], tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    scenario = small(PRUNING, run=KEPT, engine=engine)
    run = tmp_path / scenario.run_id()

    folder = run / "state" / "clients" / "0-999" / "0"

    def read_only() -> None:
        """As on a disk that refuses: a client's folder is none any more."""
        folder.rename(tmp_path / "kept")
        folder.write_text("in the way")

    with pytest.raises(RunError, match=r"0/.*where a folder should be|Not a directory") as told:
        simulate.run(scenario, out=tmp_path, progress=Damage(4, read_only))
    assert "\n" not in str(told.value)
    assert RunFolder.open(run).read_status()["state"] == "failed"
    folder.unlink()
    (tmp_path / "kept").rename(folder)
    simulate.resume(run)
    assert bits(run) == undisturbed


def test_a_run_that_is_removed_while_it_goes_on_does_not_half_return(tmp_path: Path) -> None:
    scenario = small(PRUNING, run=KEPT)
    run = tmp_path / scenario.run_id()
    with pytest.raises(RunError, match="has been removed"):
        simulate.run(scenario, out=tmp_path, progress=Damage(3, lambda: shutil.rmtree(run)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place",
    ["state/clients/0-999/0", "state/clients/0-999", "state/clients", "state", "history", "tickets", "final"],
)
def test_a_resume_writes_and_deletes_nothing_through_a_link(cut: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("years")
    if (cut / place).exists():
        shutil.copytree(cut / place, outside, dirs_exist_ok=True)
        shutil.rmtree(cut / place)
    (cut / place).symlink_to(outside)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="symbolic link"):
        simulate.resume(cut)
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
    assert os.readlink(cut / place) == str(outside)


def cases(kinds: Mapping[str, str], often: int) -> list[Any]:
    """Every kind with every harm; of these all but every ``often``-th are slow."""
    pairs = [(kind, harm) for kind in kinds for harm in HARMS]
    return [
        pytest.param(*pair, marks=[] if number % often == 0 else pytest.mark.slow)
        for number, pair in enumerate(pairs)
    ]


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(("kind", "harm"), cases(BEGUN, often=5))
def test_a_harmed_file_of_a_stopped_run_is_told_or_harmless(
    kind: str, harm: str, pristine: Path, cut: Path, shown: dict[str, Any], tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    harmed(cut, only(pristine / "other cut"), BEGUN[kind], harm, outside)
    assert judged(cut, shown, outside) in ("told", "harmless")


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize(("kind", "harm"), cases(ENDED, often=2))
def test_a_harmed_file_of_a_complete_run_is_told_or_harmless(
    kind: str, harm: str, pristine: Path, shown: dict[str, Any], tmp_path: Path
) -> None:
    run, outside = copied(only(pristine / "whole"), tmp_path / "runs"), tmp_path / "outside"
    harmed(run, only(pristine / "other whole"), ENDED[kind], harm, outside)
    assert judged(run, shown, outside) in ("told", "harmless")
