"""Run and resume scenarios: from settings to run folders, on the engine that each scenario names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedprune.engines.grids import Grids
from fedprune.progress import Progress
from fedprune.runs.code import check_code
from fedprune.runs.files import RunError, read_json
from fedprune.runs.folder import RunFolder
from fedprune.runs.table import scenario_of
from fedprune.scenario import Scenario, load_scenarios
from fedprune.scenario.files import personalize_section
from fedprune.scenario.section import MEMORY
from fedprune.trackers.feed import Open, check, tracked
from fedprune.types import UserError

if TYPE_CHECKING:
    from fedprune.reports.plots import Plots
    from fedprune.views import Run

Source = str | Path | Mapping[str, Any] | Scenario


@dataclass(frozen=True)
class Results:
    """A finished run: its folder, and its results by the names in ``runs/metrics.py``."""

    folder: Path
    metrics: Mapping[str, Any]

    @property
    def run(self) -> Run:
        """The run's tables, masks, weights and pictures, as ``fedprune.load`` reads them."""
        from fedprune.views import load

        return load(self.folder)

    def _repr_html_(self) -> str:
        """The run's row of results, as a notebook shows it."""
        return self.run._repr_html_()


class SweepResults(list[Results]):
    """The finished runs of a scenario, in the order of its sweep; a notebook shows them as one table."""

    @property
    def plot(self) -> Plots:
        """The report's pictures of all the runs, as Altair charts: ``results.plot.accuracy_by_bytes()``."""
        from fedprune.views import plots

        return plots([result.folder for result in self])

    def _repr_html_(self) -> str:
        """One table of results, a row for each method."""
        from fedprune.views import results

        return results([result.folder for result in self])._repr_html_() if self else "<p>no runs</p>"


def run(
    source: Source | Sequence[Scenario],
    *,
    data: Any = None,
    out: str | Path = "runs",
    force: bool = False,
    progress: Progress | None = None,
    track: Sequence[str] = (),
    jobs: int = 1,
) -> SweepResults:
    """Run a scenario: a file with its sweep, a bundled name, a mapping of sections, or Scenarios.

    ``data`` takes the place of the scenario's data set: (features, targets) as numpy arrays or torch
    tensors, a pandas or polars frame with ``data.target`` in the scenario, a ``datasets.Dataset``, or a dict
    with these as "train" and "test". They are written into the cache once, and the run records their hash.

    A run whose folder is complete is not run again and one that was cut off, or whose final evaluation lacks
    clients, goes on where it stopped, unless ``force`` starts it anew. ``track`` names trackers (see
    ``fedprune.trackers``), which change no result. ``jobs`` runs go on side by
    side, each in a process of its own where that is more than one: should one fail, the others go on. Raises
    UserError for whatever the user can mend, before anything is written.
    """
    trackers = check(track)
    scenarios = _scenarios(source)
    if data is not None:
        scenarios = [_handed(scenario, data) for scenario in scenarios]
    _check_name(out)
    folders = [Path(out) / scenario.run_id() for scenario in scenarios]
    _check(scenarios)
    if jobs > 1:
        from fedprune.side_by_side import run_side_by_side

        run_side_by_side(scenarios, Path(out), jobs, force, track, progress or Progress())
        return SweepResults(Results(folder, read_json(folder / "results.json")) for folder in folders)
    with Grids(Path(out)) as grids:
        return SweepResults(
            _one(scenario, folder, force, grids, progress or Progress(), trackers)
            for scenario, folder in zip(scenarios, folders, strict=True)
        )


def resume(
    folder: str | Path,
    *,
    other_versions: bool = False,
    progress: Progress | None = None,
    track: Sequence[str] = (),
) -> Results:
    """Take a run from its last checkpoint to its end, to the bits it would have had.

    ``track`` names trackers, which get what they lack of earlier rounds too. Raises RunError under other
    versions of packages or Python, another processor, or another version of a plug-in of the user's than the
    run began with (``other_versions`` allows all of that), or when its scenario was changed.
    """
    trackers = check(track)
    path = Path(folder)
    place = path.resolve()
    with RunFolder.open(path).lock() as opened, Grids(place.parent, place) as grids:
        # Late: a wrong folder is told at once.
        from fedprune.federation.server.lifecycle import check_data, check_versions

        check_code(opened, changed=other_versions)
        scenario = _scenario_of(opened)
        if not other_versions:
            check_versions(opened)
        opened.mend_status(scenario.label)
        with scenario.reach():
            if opened.read_status()["state"] != "complete":
                check_data(opened, scenario)
            return _go_on(scenario, opened, grids, progress or Progress(), trackers)


def personalize(
    folder: str | Path,
    overrides: Sequence[str] = (),
    *,
    told: Callable[[int, int], None] = lambda done, clients: None,
) -> None:
    """Let every client of a finished run prune and train its own model, as ``[personalize]`` says.

    What comes out is in the run's ``personal.jsonl``, and the model that each client chose in its state. What
    is there already, by the same settings, is not done again; one that was stopped goes on where it was.

    Args:
        folder: the run's.
        overrides: ``key=value`` texts that win over the section in the run's scenario. Densities of 50, 20,
            10, 5 and 2 % are taken where neither names any.
        told: told how many clients have answered, and how many there are.

    Raises:
        UserError: the run is not complete, its data were changed, or a key is wrong.
    """
    path = Path(folder)
    place = path.resolve()
    with RunFolder.open(path).lock() as opened, Grids(place.parent, place) as grids:
        from fedprune.federation.finished import FinishedFederation
        from fedprune.federation.server import personalize as after
        from fedprune.federation.server.lifecycle import check_data

        scenario = FinishedFederation.open(path).scenario
        section = personalize_section(scenario, overrides)
        check_data(opened, scenario)
        with scenario.reach():
            after.personalize(grids.grid(scenario), opened, section, told)


def _check_name(out: str | Path) -> None:
    """Clients are told where runs are, and a message holds text."""
    try:
        str(out).encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{out}: the folder's name is not UTF-8 text; choose another with --out") from None


def _check(scenarios: Sequence[Scenario]) -> None:
    """Whatever is wrong with what any run needs comes out before the first one."""
    from fedprune.federation.experiment import checked_experiment, forget

    if any(scenario.origins for scenario in scenarios):
        forget()
    for scenario in scenarios:
        with scenario.reach():
            checked_experiment(scenario)


def _scenarios(source: Source | Sequence[Scenario]) -> list[Scenario]:
    if isinstance(source, Scenario):
        return [source]
    if isinstance(source, str | Path):
        return load_scenarios(source)
    if isinstance(source, Mapping):
        return [Scenario.from_dict(source)]
    return list(source)


def _handed(scenario: Scenario, data: Any) -> Scenario:
    """The scenario on data that are in memory, which are in the cache from then on."""
    from fedprune.data.memory import keep
    from fedprune.federation.experiment import columns_of

    content = keep(data, columns_of(scenario.data), scenario.task.name)
    sections = scenario.to_dict()
    return Scenario.from_dict({**sections, "data": {**sections["data"], "name": MEMORY, "content": content}})


def _one(
    scenario: Scenario,
    path: Path,
    force: bool,
    grids: Grids,
    progress: Progress,
    trackers: Mapping[str, Open],
) -> Results:
    """One run of a sweep: new, or taken up where it is."""
    from fedprune.federation.server.lifecycle import run_folder

    with scenario.reach(), run_folder(scenario, path, force=force) as folder:
        return _go_on(scenario, folder, grids, progress, trackers)


def _go_on(
    scenario: Scenario,
    folder: RunFolder,
    grids: Grids,
    progress: Progress,
    trackers: Mapping[str, Open],
) -> Results:
    from fedprune.federation.flower.server_app import serve
    from fedprune.federation.server.lifecycle import is_over, keep

    with tracked(progress, trackers, folder.path, scenario.label, scenario.to_dict()) as told:
        if is_over(folder, scenario):
            keep(folder, scenario, told)
        else:
            serve(grids.grid(scenario), folder, scenario, told)
    if scenario.evaluate.latency:
        from fedprune.latency.record import record

        record(folder)
    return Results(folder.path, read_json(folder.path / "results.json"))


def _scenario_of(folder: RunFolder) -> Scenario:
    scenario = Scenario.from_dict(scenario_of(folder))
    if scenario.settings_hash() != folder.settings_hash:
        raise RunError(
            f"{folder.path}: scenario.toml was changed since the run began ({scenario.settings_hash()}, "
            f"then {folder.settings_hash}); undo the change, or run it as a new scenario"
        )
    return scenario
