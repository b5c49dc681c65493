"""What tables and pictures call runs: their labels, and in brackets what tells two of one label apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_FACTS = 3
"""Facts in brackets behind a label; where these do not tell runs apart, their folders do."""


def label_without_seed(row: Mapping[str, Any]) -> str:
    """The row's label without the ``seed 3`` that a sweep over seeds puts into it."""
    parts = [part for part in row["label"].split(", ") if part != f"seed {row['seed']}"]
    return ", ".join(parts) or str(row["name"])


def told_apart(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A label for each row of runs.table, no two of them alike.

    Rows of one label are told apart by the first facts in which they differ: seed, code, settings. Where
    nothing of that differs, or it needs too many words, the run's folder is added, and its path at last.
    """
    labels = [str(row["label"]) for row in rows]
    for more in (_facts, lambda alike: [[row["run"]] for row in alike], _folders):
        for label in _repeated(labels):
            places = [place for place, other in enumerate(labels) if other == label]
            for place, told in zip(places, more([rows[place] for place in places]), strict=True):
                labels[place] = f"{label} ({', '.join(told)})" if told else label
    return labels


def _repeated(labels: Iterable[str]) -> list[str]:
    return [label for label, count in Counter(labels).items() if count > 1]


def _facts(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """What tells these rows apart, in a few words each."""
    known = [_known(row) for row in rows]
    keys = list(dict.fromkeys(key for facts in known for key in facts))
    differing = [key for key in keys if len({str(facts.get(key)) for facts in known}) > 1][:MOST_FACTS]
    return [[facts[key] for key in differing if key in facts] for facts in known]


def _known(row: Mapping[str, Any]) -> dict[str, str]:
    """Fact -> its words, in the order in which they are told."""
    seed = {} if "seeds" in row else {"seed": f"seed {row['seed']}"}
    code = {called: f"{called} {digest[:8]}" for called, digest in row["code"].items()}
    settings = {key: f"{_short(key)} {value}" for key, value in row["settings"].items()}
    return seed | code | settings


def _short(key: str) -> str:
    """What a setting is called: ``lr`` of ``train.lr``, ``model`` of ``model.name``."""
    section, _, name = key.rpartition(".")
    return section if name == "name" else name


def _folders(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [[row["folder"]] for row in rows]
