"""``fedprune``: thin verbs over the public Python API.

Exit status: 0 done, 1 the machine failed (say, a full disk), 2 the user can mend it, 130 interrupted, 143
terminated, 141 nobody reads the output any more.
Imports at module level stay light, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from fedprune import plugins
from fedprune.types import UserError

if TYPE_CHECKING:
    from fedprune.progress import Progress
    from fedprune.scenario import Scenario

LISTED = (
    "strategies",
    "models",
    "datasets",
    "partitioners",
    "mask_codings",
    "quantizers",
    "entropy_coders",
    "criteria",
    "engines",
    "scenarios",
)


class Terminated(KeyboardInterrupt):
    """SIGTERM, handled like an interrupt so that a run ends in the same orderly way."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status."""
    try:
        with _sigterm_interrupts():
            arguments = _parser().parse_args(argv)
            arguments.verb(arguments)
            sys.stdout.flush()
    except UserError as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt as stop:
        print(f"fedprune: {stop or 'stopped'}", file=sys.stderr)
        return 143 if isinstance(stop, Terminated) else 130
    except BrokenPipeError:
        # The reader left. Python flushes stdout once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror or error}", 1)
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Run every run of every scenario, then show their results."""
    scenarios = _scenarios(arguments.scenario, arguments.set)
    from fedprune import simulate

    with _reporting(arguments.json, Path(arguments.out)) as progress:
        results = simulate.run(scenarios, out=Path(arguments.out), force=arguments.force, progress=progress)
    if not arguments.json:
        folders = [result.folder for result in results]
        _show(folders)
        name = "-".join(dict.fromkeys(scenario.run.name for scenario in scenarios))
        _report(folders, Path(arguments.out) / f"{name}-report.html")


def resume(arguments: argparse.Namespace) -> None:
    """Take up runs where their last checkpoints left them, then show their results."""
    from fedprune import simulate

    folders = [Path(folder) for folder in arguments.run]
    for folder in folders:
        with _reporting(arguments.json, folder.parent) as progress:
            simulate.resume(folder, other_versions=arguments.other_versions, progress=progress)
    if not arguments.json:
        _show(folders)


def show(arguments: argparse.Namespace) -> None:
    """The results of runs, from their folders alone."""
    _show(_runs(arguments.run), arguments.form)


def report(arguments: argparse.Namespace) -> None:
    """One HTML file that shows runs side by side, and all its tables and pictures in a folder beside it."""
    _report(_runs(arguments.run), Path(arguments.out), png=arguments.png)


def tickets(arguments: argparse.Namespace) -> None:
    """Study a finished run's masks and weights, each study with its control; then show what came out."""
    from fedprune.progress import Units
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
    print(json.dumps(records, indent=2) if arguments.json else lab.render(records))


def bits(arguments: argparse.Namespace) -> None:
    """What each codec makes of an update: bytes by part, bounds, error and time."""
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


def list_(arguments: argparse.Namespace) -> None:
    """What a scenario can name, one line each."""
    found = {kind: _known(kind) for kind in ([arguments.kind] if arguments.kind else LISTED)}
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    width = max((len(name) for group in found.values() for name in group), default=0)
    for kind, group in found.items():
        print(kind)
        for name, line in group.items():
            print(f"  {name:{width}}  {line}")


def doctor(arguments: argparse.Namespace) -> None:
    """What of this machine matters to a run."""
    from fedprune.doctor import examine, render

    facts = examine()
    print(json.dumps(facts, indent=2) if arguments.json else render(facts))


def _scenarios(sources: Sequence[str], overrides: Sequence[str]) -> list[Scenario]:
    from fedprune.scenario import load_scenarios

    found: dict[str, Scenario] = {}
    for source in sources:
        for scenario in load_scenarios(source, overrides):
            if scenario.run_id() in found:
                raise UserError(f"{source}: run {scenario.run_id()} is given twice; name each scenario once")
            found[scenario.run_id()] = scenario
    return list(found.values())


def _known(kind: str) -> dict[str, str]:
    """Name -> one line, without importing plug-ins."""
    if kind == "partitioners":
        from fedprune.data.partition import describe_partitioners

        return describe_partitioners()
    if kind == "scenarios":
        from fedprune.scenario import bundled_scenarios

        texts = {name: path.read_text("utf-8") for name, path in bundled_scenarios().items()}
        return {name: text.split("\n", 1)[0].strip("# ") for name, text in texts.items()}
    return plugins.describe(kind)


def _show(folders: Sequence[Path], form: Literal["text", "markdown", "json"] = "text") -> None:
    from fedprune.runs import table

    print(table.render(folders, form))


def _report(folders: Sequence[Path], target: Path, *, png: bool = False) -> None:
    from fedprune.report import write

    print(f"report: {write(folders, target, png=png)}")


def _runs(given: Sequence[str]) -> list[Path]:
    """The run folders among the arguments: a pattern such as runs/* finds reports as well."""
    from fedprune.report import is_part

    paths = [Path(path) for path in given]
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


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _complain(line: str, status: int) -> int:
    print(f"fedprune: error: {line}", file=sys.stderr)
    return status


class _Version(argparse.Action):
    """``--version``, looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import fedprune

        print(f"fedprune {fedprune.__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fedprune",
        description="Federated learning with personalized pruning, simulated and measured in bytes.",
        epilog="First steps: fedprune run quickstart",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    verb = _verb(verbs, "run", run, "run scenarios", "fedprune run quickstart --set run.rounds=5 --out runs")
    verb.add_argument(
        "scenario", nargs="+", metavar="SCENARIO", help="a TOML file, or a bundled scenario's name"
    )
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override section.key, as in train.lr=0.05",
    )
    verb.add_argument("--out", default="runs", metavar="FOLDER", help="where run folders go (default: runs)")
    verb.add_argument("--force", action="store_true", help="replace run folders that exist")
    _json(verb, "print JSON lines as rounds finish")

    verb = _verb(
        verbs, "resume", resume, "go on with stopped runs", "fedprune resume runs/quickstart-0123456789ab-s0"
    )
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    verb.add_argument(
        "--other-versions", action="store_true", help="even if torch's version differs, and so may bits"
    )
    _json(verb, "print JSON lines as rounds finish")

    verb = _verb(verbs, "show", show, "show the results of runs", "fedprune show runs/*")
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    _forms(verb)

    verb = _verb(
        verbs, "report", report, "show runs in one HTML file", "fedprune report runs/* --out report.html"
    )
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    verb.add_argument(
        "--out", default="report.html", metavar="FILE", help="the HTML file (default: report.html)"
    )
    verb.add_argument("--png", action="store_true", help="write pictures as PNG too (needs fedprune[png])")

    example = "fedprune tickets runs/quickstart-0123456789ab-s0 --study overlap"
    verb = _verb(verbs, "tickets", tickets, "study a run's masks: are they tickets?", example)
    verb.add_argument("run", metavar="RUN", help="the folder of a finished run")
    verb.add_argument("--study", action="append", metavar="NAME", help="a study, repeatable (default: all)")
    for name, line in (
        ("clients", "clients to sample where studies train or test (default: 20)"),
        ("seeds", "replicates of each training in 'retrain' (default: 3)"),
        ("epochs", "epochs of each training from scratch (default: 30)"),
    ):
        verb.add_argument(f"--{name}", type=_count, metavar="N", help=line)
    verb.add_argument("--out", metavar="FOLDER", help="where results go (default: RUN/tickets)")
    _json(verb, "print the results as JSON")

    verb = _verb(verbs, "bits", bits, "show what codecs cost and lose", "fedprune bits --kept 0.3 --markdown")
    update = verb.add_mutually_exclusive_group()
    update.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="a safetensors file of weights or of an update, or a run folder",
    )
    update.add_argument("--synthetic", metavar="MODEL", help="make one for this model (default: lenet5)")
    verb.add_argument(
        "--mask", metavar="FILE", help="a safetensors file with the mask that travels with FILE"
    )
    verb.add_argument(
        "--kept", type=_share, metavar="SHARE", help="what a synthetic one's mask keeps (default: 0.5)"
    )
    _forms(verb)

    verb = _verb(verbs, "list", list_, "list what a scenario can name", "fedprune list strategies")
    verb.add_argument("kind", nargs="?", choices=LISTED, metavar="KIND", help=f"one of {', '.join(LISTED)}")
    _json(verb, "print JSON")

    verb = _verb(verbs, "doctor", doctor, "check this machine", "fedprune doctor --json")
    _json(verb, "print JSON")
    return parser


def _verb(
    verbs: Any, name: str, action: Callable[[argparse.Namespace], None], line: str, example: str
) -> Any:
    parser = verbs.add_parser(name, help=line, description=action.__doc__, epilog=f"Example: {example}")
    parser.set_defaults(verb=action)
    return parser


def _count(text: str) -> int:
    """A whole number of at least 1. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _share(text: str) -> float:
    """A number in (0, 1]. Raises ValueError."""
    if not 0 < (number := float(text)) <= 1:
        raise ValueError(text)
    return number


def _forms(parser: Any) -> None:
    forms = parser.add_mutually_exclusive_group()
    for form, line in (("json", "print JSON"), ("markdown", "print a Markdown table")):
        forms.add_argument(f"--{form}", action="store_const", dest="form", const=form, help=line)
    parser.set_defaults(form="text")


def _json(parser: Any, line: str) -> None:
    parser.add_argument("--json", action="store_true", help=line)
