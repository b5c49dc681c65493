"""Scenario files: reading one, applying overrides, expanding its sweep, and saying where a mistake stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fedprune import plugins
from fedprune.scenario.errors import ScenarioError, plain
from fedprune.scenario.scenario import Scenario
from fedprune.scenario.sections import PersonalizeSection
from fedprune.scenario.sweep import check_key, expand, put, with_axes

MAX_BYTES = 1 << 20
"""Scenario files larger than this are refused."""

DENSITIES = (0.5, 0.2, 0.1, 0.05, 0.02)
"""What clients prune their models to where nobody says so."""

MAX_KEY_PARTS = 16
"""Dotted keys longer than this are refused: tomllib's memory grows with the square of their parts."""


def bundled_scenarios() -> dict[str, Path]:
    """Name -> file of the scenarios that ship with fedprune."""
    return {path.stem: path for path in sorted(plugins.bundled("scenarios").glob("*.toml"))}


def load_scenarios(
    source: str | Path, overrides: Iterable[str] = (), sweeps: Iterable[str] = ()
) -> list[Scenario]:
    """The runs of a scenario file (or of a bundled scenario's name), its sweep expanded, in a stable order.

    ``overrides`` are ``section.key=value`` texts whose value is TOML, or else taken as a text; they win over
    the file, and over the sweep's list for the same key. ``sweeps`` are ``section.key=value,value`` texts: an
    axis of the sweep each, in place of the file's for the same key. Raises ScenarioError.
    """
    path = _find(source)
    text = _read(path)
    settings: dict[str, Any] = {}
    axes: dict[str, list[Any]] = {}
    try:
        raw = _cleaned(_parse(text))
        settings.update(_override(item) for item in overrides)
        axes.update(_axis(item) for item in sweeps)
        if twice := min(settings.keys() & axes.keys(), default=""):
            raise ScenarioError("is given by --set too; give it once", key=f"--sweep {twice}")
        # A scenario's own folder comes before the one in which somebody happens to stand.
        with plugins.reaching([path.parent, *plugins.folders()], plugins.modules()):
            return _members(with_axes(raw, axes), settings, path.stem)
    except ScenarioError as error:
        if flag := _flag(error, {**dict.fromkeys(axes, "--sweep"), **dict.fromkeys(settings, "--set")}):
            raise ScenarioError(error.what, key=flag) from None
        file = _place(path, text, error)
        raise ScenarioError(error.what, error.section, error.key, file, table=error.table) from None


def personalize_section(scenario: Scenario, overrides: Iterable[str]) -> PersonalizeSection:
    """The section [personalize] of a scenario under ``key=value`` texts, with DENSITIES where it has none.

    Raises ScenarioError for a key or value that is wrong.
    """
    keys = scenario.personalize.plain()
    keys["densities"] = keys["densities"] or list(DENSITIES)
    for text in overrides:
        key, value = _override(f"personalize.{text}")
        keys[key.removeprefix("personalize.")] = value
    return Scenario.from_dict({"personalize": keys}).personalize


def _cleaned(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {str(section): plain(value, str(section)) for section, value in raw.items() if value is not None}


def _members(raw: dict[str, Any], overrides: dict[str, Any], stem: str) -> list[Scenario]:
    members: dict[str, Scenario] = {}
    for label, member in expand(raw, pinned=overrides):
        for key, value in overrides.items():
            put(member, key, value)
        if isinstance(run := member.setdefault("run", {}), dict):
            member["run"] = {"name": stem, **run} | ({"label": label} if label else {})
        try:
            scenario = Scenario.from_dict(member)
        except ScenarioError as error:
            note = f" (in the sweep's '{label}')" if label else ""
            raise ScenarioError(error.what + note, error.section, error.key, table=error.table) from None
        twin = members.setdefault(scenario.run_id(), scenario)
        if twin is not scenario:
            raise ScenarioError(f"'{twin.label}' and '{label}' are the same run; remove one", "sweep")
    return list(members.values())


def _override(text: str) -> tuple[str, Any]:
    """``section.key=value`` as (dotted key, value)."""
    key, value = _key_and_text(text, "--set", "value")
    return key, _value(value, value.strip())


def _axis(text: str) -> tuple[str, list[Any]]:
    """``section.key=value,value`` as (dotted key, values): a TOML list without brackets, or else texts."""
    key, value = _key_and_text(text, "--sweep", "value,value")
    found = _value(f"[{value}]", [_value(part, part.strip()) for part in value.split(",")])
    if not value.strip():
        raise ScenarioError("give one or more values, as in run.seed=0,1", key=f"--sweep {key}")
    return key, found


def _key_and_text(text: str, flag: str, form: str) -> tuple[str, str]:
    """The key of a scenario and what stands behind its equals sign, for an option of the command line."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ScenarioError(f"write it as section.key={form}, not '{text}'", key=flag)
    try:
        check_key(key)
    except ScenarioError as error:
        raise ScenarioError(error.what, key=f"{flag} {key}") from None
    return key, value


def _value(text: str, otherwise: Any) -> Any:
    """``text`` as a TOML value, or ``otherwise`` where it is none."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return otherwise
    return parsed["value"] if parsed.keys() == {"value"} else otherwise


def _find(source: str | Path) -> Path:
    """The file of a path or of a bundled scenario's name."""
    path, named = Path(source), bundled_scenarios()
    try:
        if path.is_file():
            return path
        if str(source) in named:
            return named[str(source)]
        if path.is_dir():
            raise ScenarioError("is a folder; give a scenario file in it", file=str(path))
        if path.exists():
            raise ScenarioError("is not a regular file", file=str(path))
    except (OSError, ValueError) as error:
        raise ScenarioError(f"cannot be read: {_reason(error)}", file=str(source)) from None
    raise ScenarioError(
        f"no such file or bundled scenario{plugins.suggest(str(source), list(named))}", file=str(source)
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"cannot be read: {_reason(error)}", file=str(path)) from None
    if len(data) > MAX_BYTES:
        raise ScenarioError("is larger than 1 MiB, which no scenario needs", file=str(path))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScenarioError(f"is not UTF-8 text (line {line})", file=str(path)) from None


def _parse(text: str) -> dict[str, Any]:
    # Possessive, and unclosed quotes count as closed: linear in the text, whatever it is.
    part = r"""(?:"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|[^\s.,=\[\]{}#"']++)"""
    for chain in re.finditer(rf"{part}(?:[ \t]*\.[ \t]*{part})*+", text):
        if chain[0].count(".") >= MAX_KEY_PARTS and len(re.findall(part, chain[0])) > MAX_KEY_PARTS:
            line = text.count("\n", 0, chain.start()) + 1
            raise ScenarioError(f"a key of more than {MAX_KEY_PARTS} dotted parts (line {line})")
    try:
        return tomllib.loads(text)
    except ValueError as error:
        # Not only TOMLDecodeError: Python refuses to read integers of thousands of digits.
        raise ScenarioError(f"not valid TOML: {error}") from None
    except RecursionError:
        raise ScenarioError("not valid TOML: nested too deeply") from None


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _flag(error: ScenarioError, given: Mapping[str, str]) -> str:
    """The option that an error is about, as it is written on the command line; empty if it is about none.

    ``given`` has the option of each key that was given there.
    """
    key = f"{error.section}.{error.key}".rstrip(".")
    mine = [each for each in given if key == each or key.startswith(f"{each}.")]
    # In a whole section, say which of its keys is meant.
    named = (f"{given[each]} {each}{key.removeprefix(each)}" for each in mine)
    return next(named, "") if error.section else ""


def _place(path: Path, text: str, error: ScenarioError) -> str:
    """The file, and the line of the key or else of its section's header where one can be told."""
    found, current, tables = 0, "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([\w.-]+)\s*\]", line):
            current = header[1]
            tables += current == error.section
            found = found or (number if current == error.section and tables >= error.table else 0)
        elif (
            found
            and current == error.section
            and re.match(rf"""\s*["']?{re.escape(error.key)}["']?\s*=""", line)
        ):
            return f"{path}:{number}"
    return f"{path}:{found}" if found and error.section else str(path)
