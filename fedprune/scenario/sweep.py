"""Sweeps: one scenario file, many runs, as the cross product of what ``[sweep]`` lists.

    [sweep]
    "run.seed" = [0, 1]                            # a dotted key: its values
    strategy = [{ name = "fedavg" }, { name = "sub_fedavg", variant = "hybrid" }]      # a section: its tables

    [[sweep.variant]]                              # several sections at once
    label = "small"
    model = { name = "digits_cnn" }
    "train.lr" = 0.1

A table that has a ``name`` replaces a section that names a plug-in; other tables change only their keys.
Variants vary slowest, then sections, then dotted keys, the seed fastest, each in the order written.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fedprune.scenario.errors import ScenarioError, shown
from fedprune.scenario.explain import unknown
from fedprune.scenario.section_list import SectionList
from fedprune.scenario.sections import SECTIONS

MAX_MEMBERS = 1000


@dataclass(frozen=True)
class _Choice:
    """One of an axis's values: what it is called, and the sections or dotted keys it sets."""

    label: str
    settings: dict[str, Any]


def expand(raw: dict[str, Any], pinned: Iterable[str] = ()) -> list[tuple[str, dict[str, Any]]]:
    """(label, raw scenario without ``[sweep]``) of each member; one with an empty label if nothing is swept.

    An axis whose key is ``pinned`` (a section or dotted key that an override sets) is left out, and with
    ``strategy.name`` that of the whole section, whose tables belong to other names. So are the variants when
    each of them sets a pinned key: they would be told apart by what the override replaces.
    Raises ScenarioError for a sweep that is malformed, contradicts itself, or has more than 1000 members.
    """
    base = {section: value for section, value in raw.items() if section != "sweep"}
    axes = _axes(raw.get("sweep", {}), _all_pinned(pinned))
    if math.prod(len(axis) for axis in axes) > MAX_MEMBERS:
        raise ScenarioError(f"more than {MAX_MEMBERS} runs; split it over several files", "sweep")
    members = []
    for choices in itertools.product(*axes):
        member = copy.deepcopy(base)
        for choice in choices:
            for key in sorted(choice.settings, key=_is_dotted):
                put(member, key, choice.settings[key])
        members.append((", ".join(choice.label for choice in choices if choice.label), member))
    return members


def with_axes(raw: dict[str, Any], axes: dict[str, list[Any]]) -> dict[str, Any]:
    """The raw scenario with these axes (dotted key -> its values) in its sweep, in place of those of equal
    keys there and after all others.

    Raises ScenarioError for a sweep that is no table.
    """
    if not axes:
        return raw
    sweep = raw.get("sweep", {})
    if not isinstance(sweep, dict):
        raise ScenarioError(f"must be a table, not {shown(sweep)}", "sweep")
    variants = {key: value for key, value in sweep.items() if key == "variant"}
    lists = _flattened({key: value for key, value in sweep.items() if key not in variants})
    kept = {key: values for key, values in lists.items() if key not in axes}
    return {**raw, "sweep": {**variants, **kept, **axes}}


def put(raw: dict[str, Any], key: str, value: Any) -> None:
    """Set a section or a dotted key of a raw scenario in place."""
    section, _, name = key.partition(".")
    old = raw.get(section, {})
    if not name and (not isinstance(value, dict) or ("name" in value and SECTIONS[section].starts_afresh())):
        raw[section] = copy.deepcopy(value)
    elif isinstance(old, dict):
        raw[section] = old | ({name: value} if name else copy.deepcopy(value))


def check_key(key: str) -> None:
    """Raise ScenarioError unless ``key`` is a section or ``section.key`` that a scenario may hold."""
    section, dot, name = key.partition(".")
    if section not in SECTIONS:
        raise unknown(section)
    if dot and issubclass(SECTIONS[section], SectionList):
        what = f"[[{section}]] is a list of tables; set it whole: {section} = [{{ name = ... }}]"
        raise ScenarioError(what, section)
    if dot and not SECTIONS[section].takes(name):
        raise unknown(section, name)


def _all_pinned(keys: Iterable[str]) -> set[str]:
    """``keys``, and the sections that a new ``name`` among them begins afresh."""
    sections = {key.removesuffix(".name") for key in keys if key.endswith(".name")}
    afresh = {name for name in sections if name in SECTIONS and SECTIONS[name].starts_afresh()}
    return {*keys, *afresh}


def _axes(sweep: Any, pinned: set[str]) -> list[list[_Choice]]:
    """The axes of a sweep, each a list of choices, the one that varies slowest first."""
    if not isinstance(sweep, dict):
        raise ScenarioError(f"must be a table, not {shown(sweep)}", "sweep")
    lists = _flattened({key: values for key, values in sweep.items() if key != "variant"})
    axes: dict[str, list[_Choice]] = {}
    if "variant" in sweep:
        variants = _variants(sweep["variant"])
        if not all(pinned & choice.settings.keys() for choice in variants):
            axes["variant"] = variants
    for key in sorted(lists, key=lambda key: (_is_dotted(key), key == "run.seed")):
        _check(key, key)
        if key not in pinned:
            axes[key] = _choices(key, lists[key])
    _refuse_overlap(axes)
    return list(axes.values())


def _flattened(sweep: dict[str, Any]) -> dict[str, Any]:
    """``{"run": {"seed": [...]}}``, what TOML makes of an unquoted run.seed, as ``{"run.seed": [...]}``."""
    flat: dict[str, Any] = {}
    for key, values in sweep.items():
        inner = (
            {f"{key}.{name}": item for name, item in values.items()}
            if isinstance(values, dict)
            else {key: values}
        )
        for name, item in inner.items():
            if name in flat:
                raise ScenarioError("is listed twice", "sweep", name)
            flat[name] = item
    return flat


def _choices(key: str, values: Any) -> list[_Choice]:
    if not isinstance(values, list) or not values:
        raise ScenarioError(f"must be a list of one or more values, not {shown(values)}", "sweep", key)
    if _is_dotted(key):
        last = key.rpartition(".")[2]
        return [_Choice(f"{last} {_text(value)}", {key: value}) for value in values]
    if issubclass(SECTIONS[key], SectionList):
        return [_Choice(_list_label(key, value), {key: value}) for value in values]
    for value in values:
        if not isinstance(value, dict):
            raise ScenarioError(
                f'must be a list of tables such as {{ name = "..." }}, not {shown(value)}', "sweep", key
            )
    return [_Choice(_table_label(value, values), {key: value}) for value in values]


def _variants(tables: Any) -> list[_Choice]:
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise ScenarioError("must be tables, each written under [[sweep.variant]]", "sweep", "variant")
    choices: list[_Choice] = []
    for table in tables:
        label = table.get("label")
        if not isinstance(label, str) or not label or any(label == choice.label for choice in choices):
            raise ScenarioError(f"each needs a label of its own, not {shown(label)}", "sweep", "variant")
        settings = {key: value for key, value in table.items() if key != "label"}
        for key in settings:
            _check(key, f"variant '{label}': {key}")
        choices.append(_Choice(label, settings))
    return choices


def _check(key: str, called: str) -> None:
    try:
        check_key(key)
    except ScenarioError as error:
        raise ScenarioError(error.what, "sweep", called) from None


def _refuse_overlap(axes: dict[str, list[_Choice]]) -> None:
    """No axis may undo what a slower one set."""
    taken: set[str] = set()
    for axis, choices in axes.items():
        keys = {key for choice in choices for key in choice.settings}
        for key in sorted(keys):
            if key in taken or any(other.startswith(f"{key}.") for other in taken):
                raise ScenarioError("is also set by [[sweep.variant]]; list it in one place", "sweep", axis)
        taken |= keys


def _list_label(section: str, tables: Any) -> str:
    """What a list of tables is called: what each names, with all keys that it gives."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ScenarioError(f"each value is a list of tables, not {shown(tables)}", "sweep", section)
    bare = [{"name": table.get("name")} for table in tables]
    labels = [_table_label(table, [table, other]) for table, other in zip(tables, bare, strict=True)]
    return " + ".join(labels) or f"no {section}"


def _table_label(table: dict[str, Any], tables: list[dict[str, Any]]) -> str:
    """The name, and the keys in which it differs from other tables of the same name."""
    rivals = [other for other in tables if other.get("name") == table.get("name")]
    differing = [
        key
        for key, value in table.items()
        if key != "name" and any(_text(other.get(key, ())) != _text(value) for other in rivals)
    ]
    parts = [value if isinstance(value := table[key], str) else f"{key} {_text(value)}" for key in differing]
    return " ".join([str(table["name"]), *parts] if "name" in table else parts)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _is_dotted(key: str) -> bool:
    return "." in key
