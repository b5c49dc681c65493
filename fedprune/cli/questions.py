"""The verbs that answer questions before a run: what can be named, and what this machine has."""

from __future__ import annotations

import argparse
import json

from fedprune import plugins

LISTED = (*plugins.KINDS, "sections", "scenarios")
"""The groups that ``fedprune list`` names: every kind of plug-in, and what a scenario's sections and the
scenarios that come along are called."""


def list_(arguments: argparse.Namespace) -> None:
    """List the names that a scenario or an option can have, one line each; or all that one of them takes."""
    from fedprune.reference import entry, names

    if arguments.name:
        print(entry(arguments.kind, arguments.name), end="")
        return
    found = {kind: names(kind) for kind in ([arguments.kind] if arguments.kind else LISTED)}
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    width = max((len(name) for group in found.values() for name in group), default=0)
    for kind, group in found.items():
        print(kind)
        for name, line in group.items():
            print(f"  {name:{width}}  {line}")


def doctor(arguments: argparse.Namespace) -> None:
    """Check what of this machine matters to a run."""
    from fedprune.doctor import examine, render

    facts = examine()
    print(json.dumps(facts, indent=2) if arguments.json else render(facts))
