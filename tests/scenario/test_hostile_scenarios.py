"""Whatever a scenario file holds, it is a valid scenario or one line that says why not, soon and with little
memory, and nothing is written.

Files are made from the sections' own classes: their keys with values of the right type, of any other type,
and keys and sections that there are not.
"""

from __future__ import annotations

import dataclasses
import functools
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedprune import load_scenarios, plugins
from fedprune.federation.experiment import checked_experiment
from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Section, plugin
from fedprune.scenario.section_list import AnySection, SectionList
from fedprune.scenario.sections import SECTIONS
from fedprune.types import LONGEST_LINE, UserError

SECONDS, MEGABYTES = 5.0, 500

BUNDLED = ("digits", "breast_cancer", "diabetes", "dialects")
"""Data sets that no network is needed for."""

ENDLESS = "an integer of 5,000 digits"
"""Stands for it where Python would not write it."""

TEXTS = st.one_of(
    st.sampled_from(["", " ", "..", "../x", "a:b", "os:system", "\u202e", "\x1b[31m", "naïve", "日本", "😀"]),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(1, 20).map(lambda power: "x" * 2**power),
)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(0, 20),
    st.sampled_from([2**31, 2**63, -(2**63), 10**9, 10**4000]),
    st.floats(),
    st.floats(0, 1),
    st.sampled_from([1e300, -1e300, 1e-300, 5e-324]),
)
SCALARS = st.one_of(st.booleans(), NUMBERS, TEXTS, st.dates(), st.times())
ANYTHING = st.one_of(
    SCALARS,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=10,
    ),
    st.integers(1, 60).map(lambda depth: functools.reduce(lambda inner, _: [inner], range(depth), 1)),
    st.integers(100, 20_000).map(lambda count: [8] * count),
    st.just(ENDLESS),
)


def fitting(hint: Any, notes: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Values of the type that a key declares; of a key that names a plug-in, the names that there are."""
    kinds = [note.kind for note in notes if isinstance(note, plugin)]
    if kinds == ["datasets"]:
        return st.sampled_from(BUNDLED)
    if kinds:
        return st.sampled_from(plugins.names(kinds[0]))
    if isinstance(hint, type) and issubclass(hint, Section):
        return tables(hint)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([fitting(each, notes) for each in get_args(hint)])
    if hint is Any or get_origin(hint) is dict:
        return ANYTHING
    return st.from_type(hint).map(plain)


def plain(value: Any) -> Any:
    """As TOML could hold it."""
    if isinstance(value, tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()
    return value


def value(hint: Any, notes: Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    """Mostly what fits, so that most files have one mistake and not ten."""
    return st.integers(0, 4).flatmap(lambda die: ANYTHING if die == 0 else fitting(hint, notes))


@st.composite
def tables(draw: st.DrawFn, section: type[AnySection]) -> Any:
    """A section with some of its keys, among them those of the plug-in that it names."""
    if issubclass(section, SectionList):
        return draw(st.lists(tables(section.item()), max_size=3))
    known = section.model_fields
    keys = draw(st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True)) if known else []
    found = {key: draw(value(known[key].annotation, known[key].metadata)) for key in keys}
    found |= draw(of_plugin(section, found)) if issubclass(section, PluginSection) else {}
    if draw(st.integers(0, 5)) == 0:
        found |= draw(st.dictionaries(TEXTS, ANYTHING, max_size=2))
    return {key: item for key, item in found.items() if item is not None}


@st.composite
def of_plugin(draw: st.DrawFn, section: type[PluginSection], given: dict[str, Any]) -> dict[str, Any]:
    """Some fields of the dataclass that a section names."""
    name = given.get(section.NAMED_BY, section.model_fields[section.NAMED_BY].default)
    if name not in plugins.names(section.KIND):
        return {}
    hints = get_type_hints(plugins.dataclass_of(section.KIND, name), include_extras=True)
    fields = [item.name for item in dataclasses.fields(plugins.dataclass_of(section.KIND, name)) if item.init]
    keys = draw(st.lists(st.sampled_from(fields), max_size=3, unique=True)) if fields else []
    return {key: draw(value(hints[key], getattr(hints[key], "__metadata__", ()))) for key in keys}


@st.composite
def scenarios(draw: st.DrawFn) -> bytes:
    """The bytes of a scenario file."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.one_of(st.binary(max_size=200), TEXTS.map(str.encode)))
    names = draw(st.lists(st.sampled_from(sorted(SECTIONS)), max_size=4, unique=True))
    raw = {name: draw(tables(SECTIONS[name])) for name in names}
    if draw(st.integers(0, 9)) == 0:
        raw |= draw(st.dictionaries(TEXTS | st.sampled_from(["sweep", *SECTIONS]), ANYTHING, max_size=2))
    return tomli_w.dumps(raw).replace(f'"{ENDLESS}"', "9" * 5000).encode("utf-8", "replace")


def opened(file: Path) -> None:
    """What ``fedprune run`` does before it writes anything."""
    for scenario in load_scenarios(file)[:2]:
        with scenario.reach():
            checked_experiment(scenario)


def check(data: bytes, folder: Path) -> None:
    file = folder / "hostile.toml"
    file.write_bytes(data)
    began, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        opened(file)
    except UserError as error:
        line = str(error)
        assert line.isprintable()
        assert 0 < len(line) <= LONGEST_LINE
    assert time.process_time() - began < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < MEGABYTES * 1000
    assert [path.name for path in folder.iterdir()] == [file.name]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory in which nothing is found, and no data but those that are bundled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FEDPRUNE_DATA", raising=False)


HOSTILE = {
    "derandomize": True,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=60, **HOSTILE)
@given(data=scenarios())
def test_a_scenario_is_valid_or_refused_in_one_line_soon_and_with_little_memory(
    data: bytes, tmp_path: Path
) -> None:
    check(data, tmp_path)


@pytest.mark.slow
@settings(max_examples=2000, **HOSTILE | {"derandomize": False})
@given(data=scenarios())
def test_two_thousand_more_scenarios_are_valid_or_refused_in_one_line(data: bytes, tmp_path: Path) -> None:
    check(data, tmp_path)
