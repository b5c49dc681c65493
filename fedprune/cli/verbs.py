"""The verbs, thin over the public Python API: each takes its parsed arguments and prints what came out."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fedprune import plugins
from fedprune.types import UserError

if TYPE_CHECKING:
    from fedprune.progress import Progress
    from fedprune.scenario import Scenario
    from fedprune.simulate import Results


class MissingClientsError(UserError):
    """Runs are complete, but their final evaluations lack clients."""


def run(arguments: argparse.Namespace) -> None:
    """Run every run of every scenario, then show their results."""
    engine = [f"engine.name={arguments.engine}"] if arguments.engine else []
    scenarios = _scenarios(arguments.scenario, [*engine, *arguments.set], arguments.sweep)
    from fedprune import simulate

    _say_origins(scenarios)
    with _reporting(arguments.json, Path(arguments.out)) as progress:
        results = simulate.run(
            scenarios,
            out=Path(arguments.out),
            force=arguments.force,
            progress=progress,
            track=arguments.track,
            jobs=arguments.jobs,
        )
    if not arguments.json:
        folders = [result.folder for result in results]
        _show(folders)
        _report(folders)
    _check_missing(results)


def resume(arguments: argparse.Namespace) -> None:
    """Take up runs where their last checkpoints left them, then show their results."""
    from fedprune import simulate

    folders, results = _runs(arguments.run), []
    for folder in folders:
        with _reporting(arguments.json, folder.parent) as progress:
            resumed = simulate.resume(
                folder,
                other_versions=arguments.other_versions,
                progress=progress,
                track=arguments.track,
            )
        results.append(resumed)
    if not arguments.json:
        _show(folders)
    _check_missing(results)


def cut(arguments: argparse.Namespace) -> None:
    """Cut a scenario's data into one folder for each client and one for the server, for a deployment.

    Of a sweep, all runs must have the same data and partition.
    """
    from fedprune.federation.cut import cut as cut_data

    scenarios = _scenarios([arguments.scenario], arguments.set, [])
    if len({(each.data, each.partition, each.run.seed) for each in scenarios}) > 1:
        raise UserError(
            f"{arguments.scenario}: its runs differ in data, partition or seed; cut them one by one"
        )
    server, *clients = cut_data(scenarios[0], Path(arguments.out))
    print(f"{server}: the server's part; {len(clients)} clients' parts beside it, each called by its number")


def show(arguments: argparse.Namespace) -> None:
    """Show the results of runs, read from their folders alone."""
    _show(_runs(arguments.run), arguments.form)


def watch(arguments: argparse.Namespace) -> None:
    """Watch runs that other processes work on, live, from their files.

    It ends when none goes on, with an error if one has no results by then.
    """
    from fedprune import watch as watching

    try:
        watching.watch(_runs(arguments.run), sys.stdout, once=arguments.once)
    except KeyboardInterrupt as stop:
        raise type(stop)("no longer watching; the runs go on") from None


def report(arguments: argparse.Namespace) -> None:
    """Write one HTML file that shows runs side by side, and its tables and pictures in a folder beside it."""
    target = None if arguments.out is None else Path(arguments.out)
    _report(_runs(arguments.run), target, png=arguments.png)


def compare(arguments: argparse.Namespace) -> None:
    """Say what differs between two runs: settings, code, environment, and results, paired by client.

    More than two runs are grouped by all settings but the seed, and two such groups are paired by seed.
    """
    from fedprune.comparison import compare as compared
    from fedprune.comparison.show import render

    print(render(compared(_runs(arguments.run)), arguments.form))


def artifact(arguments: argparse.Namespace) -> None:
    """Pack finished runs into one archive: results, code, versions, and one command that repeats them.

    Unpacked, python repeat.py makes the runs again and says whether they are equal to the bit.
    """
    from fedprune.artifact import pack

    target = Path(arguments.out)
    for line in pack(_runs(arguments.run), target):
        print(f"note: {line}", file=sys.stderr)
    print(f"artifact: {target}; unpacked, python repeat.py makes its runs again and compares them to the bit")


def tickets(arguments: argparse.Namespace) -> None:
    """Study a finished run's masks and weights, each study with its control; then show what came out."""
    from fedprune.progress import Units
    from fedprune.runs.task import read_score
    from fedprune.tickets import lab

    folder = Path(arguments.run)
    asked = {key: getattr(arguments, key) for key in ("clients", "seeds", "epochs")}
    units = Units(sys.stderr)
    try:
        records = lab.carry_out(
            folder,
            arguments.study or plugins.names("studies"),
            lab.Plan(**{key: value for key, value in asked.items() if value is not None}),
            Path(arguments.out) if arguments.out else folder / "tickets",
            units,
        )
    except KeyboardInterrupt as stop:
        raise type(stop)("stopped; the same command goes on where it was") from None
    finally:
        units.close()
    print(json.dumps(records, indent=2) if arguments.json else lab.render(records, read_score(folder)))
    if not arguments.json and not arguments.out:
        print(f"\npictures: fedprune report {shlex.quote(arguments.run)}")


def personalize(arguments: argparse.Namespace) -> None:
    """Let every client of finished runs prune and train its own model; then show what came out.

    Beside each client's own mask stand the controls: one mask for all, a random one, and the dense model.
    """
    from fedprune import simulate
    from fedprune.progress import Units
    from fedprune.runs.personal_table import render

    folders = _runs(arguments.run)
    units = Units(sys.stderr)
    try:
        for folder in folders:
            simulate.personalize(folder, arguments.set, told=partial(units, folder.name))
    except KeyboardInterrupt as stop:
        raise type(stop)("stopped; the same command goes on where it was") from None
    finally:
        units.close()
    print(render(folders, arguments.form))


def bits(arguments: argparse.Namespace) -> None:
    """Show what each codec makes of an update: bytes by part, bounds, error and time."""
    from fedprune import saved_update
    from fedprune.wire.bits import render, table

    if arguments.file is None and arguments.mask is not None:
        raise UserError("--mask is the mask of a saved update; give its FILE too")
    if arguments.file is not None and arguments.kept is not None:
        raise UserError("--kept is for synthetic updates; give a saved one's mask with --mask FILE")
    if arguments.file is not None:
        update = saved_update.saved(
            Path(arguments.file), None if arguments.mask is None else Path(arguments.mask)
        )
    else:
        update = saved_update.synthetic(arguments.synthetic or "lenet5", arguments.kept or 0.5)
    print(render(table(update), arguments.form))


def _scenarios(sources: Sequence[str], overrides: Sequence[str], sweeps: Sequence[str]) -> list[Scenario]:
    from fedprune.scenario import load_scenarios

    found: dict[str, Scenario] = {}
    for source in sources:
        for scenario in load_scenarios(source, overrides, sweeps):
            if scenario.run_id() in found:
                raise UserError(f"{source}: run {scenario.run_id()} is given twice; name each scenario once")
            found[scenario.run_id()] = scenario
    return list(found.values())


def _say_origins(scenarios: Sequence[Scenario]) -> None:
    """One line on stderr for each plug-in that is not fedprune's own: code of the user's is about to run."""
    lines = [
        f"{origin.called} from {plugins.shown(origin.file)}"
        for scenario in scenarios
        for origin in scenario.origins
    ]
    for line in dict.fromkeys(lines):
        print(line, file=sys.stderr)


def _check_missing(results: Sequence[Results]) -> None:
    """Raises MissingClientsError when the final evaluation of any run lacks clients."""
    lacks = {result.folder: len(result.metrics.get("missing", ())) for result in results}
    if lacking := {folder: missing for folder, missing in lacks.items() if missing}:
        count, runs = sum(lacking.values()), shlex.join(map(str, lacking))
        raise MissingClientsError(
            f"{count} client{'s are' if count > 1 else ' is'} missing from the final evaluation; "
            f"ask again with: fedprune resume {runs}"
        )


def _show(folders: Sequence[Path], form: Literal["text", "markdown", "json"] = "text") -> None:
    from fedprune.runs.show import render

    print(render(folders, form))


def _report(folders: Sequence[Path], target: Path | None = None, *, png: bool = False) -> None:
    from fedprune.reports import write

    print(f"report: {write(folders, target, png=png)}")


def _runs(given: Sequence[str]) -> list[Path]:
    """The run folders among the arguments, each once: a pattern such as runs/* finds reports as well."""
    from fedprune.reports.place import is_part

    paths = list(dict.fromkeys(Path(path) for path in given))
    return [path for path in paths if not is_part(path)] or paths


@contextlib.contextmanager
def _reporting(as_json: bool, out: Path) -> Iterator[Progress]:
    """Progress of a run in ``out``; an interrupt becomes one that says how to go on."""
    from fedprune.progress import JsonProgress, progress_on

    progress = JsonProgress(sys.stdout) if as_json else progress_on(sys.stderr)
    try:
        yield progress
    except KeyboardInterrupt as stop:
        if not progress.run_id:
            raise
        raise type(stop)(f"stopped; resume with: fedprune resume {out / progress.run_id}") from None
    finally:
        progress.close()
