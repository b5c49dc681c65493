"""The command line: verbs, their arguments, and an example for each."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from fedprune.cli import completion, devices, options, questions, verbs
from fedprune.types import UserError


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line like all others; the usage is in the help."""

    def error(self, message: str) -> NoReturn:
        """End parsing with what argparse found wrong. Raises UserError, which names the verb's help."""
        raise UserError(f"{message}; see {self.prog} --help")


class _Version(argparse.Action):
    """``--version``, looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import fedprune

        print(f"fedprune {fedprune.__version__}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The parser of a whole command line; ``verb`` of what it parses is the function to call with it."""
    made = _Parser(
        prog="fedprune",
        description="Federated learning with personalized pruning, simulated and measured in bytes.",
        epilog="First steps: fedprune run quickstart",
    )
    made.add_argument("--version", action=_Version, nargs=0, help="print the version")
    added = made.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_running(added)
    _add_looking(added)
    _add_comparing(added)
    _add_studying(added)
    _add_deploying(added)
    _add_asking(added)
    return made


def _add_running(added: Any) -> None:
    verb = _verb(
        added, "run", verbs.run, "run scenarios", "fedprune run quickstart --set run.rounds=5 --out runs"
    )
    verb.add_argument(
        "scenario", nargs="+", metavar="SCENARIO", help="a TOML file, or a bundled scenario's name"
    ).completer = completion.scenarios
    options.add_set(verb)
    verb.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="KEY=VALUES",
        help="a run for each value of section.key, as in run.seed=0,1",
    )
    engine = verb.add_argument(
        "--engine",
        metavar="NAME",
        help="where clients run; see fedprune list engines",
    )
    engine.completer = completion.of_kind("engines")
    verb.add_argument("--out", default="runs", metavar="FOLDER", help="where run folders go (default: runs)")
    verb.add_argument("--force", action="store_true", help="replace run folders that exist")
    verb.add_argument(
        "--jobs", type=options.count, default=1, metavar="N", help="runs at a time (default: 1)"
    )
    options.add_track(verb)
    options.add_json(verb, "print JSON lines as rounds finish")

    verb = _verb(
        added,
        "resume",
        verbs.resume,
        "go on with stopped runs",
        "fedprune resume runs/quickstart-0123456789ab-s0",
    )
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    verb.add_argument(
        "--other-versions",
        action="store_true",
        help="even if a package, Python, the processor or a plug-in differs, and so may bits",
    )
    options.add_track(verb)
    options.add_json(verb, "print JSON lines as rounds finish")

    verb = _verb(
        added,
        "cut",
        verbs.cut,
        "cut data into a folder per client, for a deployment",
        "fedprune cut quickstart --out parts",
    )
    verb.add_argument(
        "scenario", metavar="SCENARIO", help="a TOML file, or a bundled scenario's name"
    ).completer = completion.scenarios
    options.add_set(verb)
    verb.add_argument("--out", default="parts", metavar="FOLDER", help="where the parts go (default: parts)")


def _add_looking(added: Any) -> None:
    verb = _verb(added, "show", verbs.show, "show the results of runs", "fedprune show runs/*")
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    options.add_forms(verb)

    verb = _verb(added, "watch", verbs.watch, "watch runs while they go on", "fedprune watch runs")
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder, or a folder that holds some")
    verb.add_argument("--once", action="store_true", help="show how they stand, and end")

    verb = _verb(
        added,
        "report",
        verbs.report,
        "show runs in one HTML file",
        "fedprune report runs/*",
    )
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    verb.add_argument(
        "--out", metavar="FILE", help="the HTML file (default: a name of its own in reports/ beside the runs)"
    )
    verb.add_argument("--png", action="store_true", help="write pictures as PNG too (needs fedprune[png])")


def _add_comparing(added: Any) -> None:
    verb = _verb(
        added,
        "compare",
        verbs.compare,
        "say what differs between two runs",
        "fedprune compare runs/quickstart-0123456789ab-s0 runs/quickstart-ba9876543210-s0",
    )
    verb.add_argument(
        "run",
        nargs="+",
        metavar="RUN",
        help="two run folders, or two groups that differ by seed",
    )
    options.add_forms(verb)

    verb = _verb(
        added,
        "artifact",
        verbs.artifact,
        "pack runs with all that it takes to repeat them",
        "fedprune artifact runs/quickstart-* --out quickstart.zip",
    )
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    verb.add_argument(
        "--out", default="artifact.zip", metavar="FILE", help="the archive (default: artifact.zip)"
    )


def _add_studying(added: Any) -> None:
    example = "fedprune tickets runs/quickstart-0123456789ab-s0 --study overlap"
    verb = _verb(added, "tickets", verbs.tickets, "study a run's masks: are they tickets?", example)
    verb.add_argument("run", metavar="RUN", help="the folder of a finished run")
    verb.add_argument(
        "--study", action="append", metavar="NAME", help="a study, repeatable (default: all)"
    ).completer = completion.of_kind("studies")
    for name, line in (
        ("clients", "clients to sample where studies train or test (default: 20)"),
        ("seeds", "replicates of each training in 'retrain' (default: 3)"),
        ("epochs", "epochs of each training from scratch (default: 30)"),
    ):
        verb.add_argument(f"--{name}", type=options.count, metavar="N", help=line)
    verb.add_argument("--out", metavar="FOLDER", help="where results go (default: RUN/tickets)")
    options.add_json(verb, "print the results as JSON")

    example = "fedprune personalize runs/quickstart-0123456789ab-s0 --set densities=[0.5,0.1]"
    verb = _verb(added, "personalize", verbs.personalize, "prune clients' models after a run", example)
    verb.add_argument("run", nargs="+", metavar="RUN", help="a run folder")
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key of [personalize], as in densities=[0.5,0.1]",
    )
    options.add_forms(verb)

    verb = _verb(
        added, "bits", verbs.bits, "show what codecs cost and lose", "fedprune bits --kept 0.3 --markdown"
    )
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
        "--kept", type=options.share, metavar="SHARE", help="what a synthetic one's mask keeps (default: 0.5)"
    )
    options.add_forms(verb)


def _add_deploying(added: Any) -> None:
    verb = _verb(
        added,
        "export",
        devices.export,
        "write personal models for devices",
        "fedprune export runs/quickstart-0123456789ab-s0 --client 3 --precision int8",
    )
    verb.add_argument("run", metavar="RUN", help="the folder of a finished run")
    verb.add_argument("--client", action="append", type=int, metavar="N", help="whose model, repeatable")
    verb.add_argument("--all", action="store_true", help="the models of all clients")
    verb.add_argument(
        "--to", choices=("onnx", "torch"), default="onnx", help="what will run it (default: onnx)"
    )
    verb.add_argument(
        "--precision",
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="what weights are stored in; int8 computes in it too (default: fp32)",
    )
    verb.add_argument(
        "--svd",
        type=options.share,
        metavar="SHARE",
        help="factor each layer in two that keep this share of its squared singular values",
    )
    verb.add_argument("--out", metavar="FOLDER", help="where files go (default: RUN/export)")
    options.add_forms(verb)

    verb = _verb(
        added,
        "latency",
        devices.latency,
        "time a personal model, answer by answer",
        "fedprune latency runs/quickstart-0123456789ab-s0 --client 3",
    )
    verb.add_argument("run", metavar="RUN", help="the folder of a finished run")
    verb.add_argument("--client", type=int, required=True, metavar="N", help="whose model")
    verb.add_argument(
        "--queries", type=options.count, default=400, metavar="N", help="queries of each form (default: 400)"
    )
    options.add_forms(verb)


def _add_asking(added: Any) -> None:
    example = "fedprune list strategies sub_fedavg"
    verb = _verb(added, "list", questions.list_, "list what can be named, and what it takes", example)
    verb.add_argument(
        "kind",
        nargs="?",
        choices=questions.LISTED,
        metavar="KIND",
        help=f"one of {', '.join(questions.LISTED)}",
    )
    verb.add_argument("name", nargs="?", metavar="NAME", help="one of them: its options, paper, an example")
    options.add_json(verb, "print JSON")

    verb = _verb(added, "doctor", questions.doctor, "check this machine", "fedprune doctor --json")
    options.add_json(verb, "print JSON")


def _verb(
    added: Any, name: str, action: Callable[[argparse.Namespace], None], line: str, example: str
) -> Any:
    parser = added.add_parser(name, help=line, description=action.__doc__, epilog=f"Example: {example}")
    parser.set_defaults(verb=action)
    return parser
