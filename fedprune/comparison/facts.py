"""In what two runs differ before anything was trained: settings, code, and what they were made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedprune.runs.code import code_of
from fedprune.runs.frames import RunData
from fedprune.scenario.flat import flat

MISSING = "-"
"""What stands for a fact that one of the runs does not have."""

_DIGEST = 12
"""Digits of a hash that are shown."""


@dataclass(frozen=True)
class Fact:
    """A fact in which two runs differ, and what it is for each of them, as text."""

    name: str
    first: str
    second: str


def settings(first: RunData, second: RunData) -> list[Fact]:
    """The keys of the scenarios whose values differ, those that change no result among them."""
    given = [flat(run.scenario) for run in (first, second)]
    return [fact for fact in _differing(*given) if fact.name != "run.label"]


def code(first: RunData, second: RunData) -> list[Fact]:
    """The user's plug-ins and fedprune itself, where the hashes of their code differ."""
    return _differing(_code(first.environment), _code(second.environment))


def environment(first: RunData, second: RunData) -> list[Fact]:
    """What else the runs were made with: versions, commit, machine."""
    return _differing(_made_with(first.environment), _made_with(second.environment))


def _code(found: Mapping[str, Any]) -> dict[str, Any]:
    source = found.get("source")
    own = {"fedprune's own code": source[:_DIGEST]} if source else {}
    return own | {called: digest[:_DIGEST] for called, digest in code_of(found).items()}


def _made_with(found: Mapping[str, Any]) -> dict[str, Any]:
    facts = {key: found.get(key) for key in ("python", "platform", "cpu", "cores", "commit")}
    return facts | dict(found.get("versions") or {})


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Fact]:
    return [
        Fact(name, str(first.get(name, MISSING)), str(second.get(name, MISSING)))
        for name in {**first, **second}
        if first.get(name, MISSING) != second.get(name, MISSING)
    ]
