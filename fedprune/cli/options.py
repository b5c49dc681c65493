"""Options that several verbs have, and the types of their values."""

from __future__ import annotations

from typing import Any

from fedprune.cli import completion


def count(text: str) -> int:
    """A whole number of at least 1. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def share(text: str) -> float:
    """A number in (0, 1]. Raises ValueError."""
    if not 0 < (number := float(text)) <= 1:
        raise ValueError(text)
    return number


def add_forms(parser: Any) -> None:
    """``--json`` or ``--markdown``, where a table in text is what is printed otherwise."""
    forms = parser.add_mutually_exclusive_group()
    for form, line in (("json", "print JSON"), ("markdown", "print a Markdown table")):
        forms.add_argument(f"--{form}", action="store_const", dest="form", const=form, help=line)
    parser.set_defaults(form="text")


def add_set(parser: Any) -> None:
    """``--set``, which wins over what a scenario's file says."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override section.key, as in train.lr=0.05",
    )


def add_track(parser: Any) -> None:
    """``--track``, with the trackers' names completed."""
    line = "a tracker to tell all figures too, repeatable; see fedprune list trackers"
    made = parser.add_argument("--track", action="append", default=[], metavar="NAME", help=line)
    made.completer = completion.of_kind("trackers")


def add_json(parser: Any, line: str) -> None:
    """``--json``, where that is the only other form; ``line`` is its help."""
    parser.add_argument("--json", action="store_true", help=line)
