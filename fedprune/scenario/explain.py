"""One clear line for a key or section that does not exist, and for what pydantic refuses."""

from __future__ import annotations

from pydantic import ValidationError

from fedprune import plugins
from fedprune.scenario.errors import ScenarioError, complaint, shown
from fedprune.scenario.section_list import NO_TABLES
from fedprune.scenario.sections import SECTIONS


def explain(error: ValidationError) -> ScenarioError:
    """The first of pydantic's complaints as one line."""
    first = error.errors(include_url=False)[0]
    section, *rest = first["loc"]
    section = str(section)
    # Of a section that is a list of tables pydantic first says which table, from 0.
    table = int(rest.pop(0)) + 1 if rest and isinstance(rest[0], int) else 0
    key = ".".join(map(str, rest))
    if first["type"] == "extra_forbidden":
        return unknown(section, key, table)
    if first["type"] in ("model_type", "dict_type") and not key:
        return ScenarioError(
            f"must be a table, not {shown(first['input'])}; write [{section}] above its keys", section
        )
    if first["type"] == NO_TABLES:
        return ScenarioError(
            f"must be tables, each written under [[{section}]], not {shown(first['input'])}", section
        )
    return ScenarioError(complaint(first), section, key, table=table)


def unknown(section: str, key: str = "", table: int = 0) -> ScenarioError:
    """The error for a key of ``section``, or for a section, that does not exist."""
    name, known = (key, SECTIONS[section].own_keys()) if key else (section, list(SECTIONS))
    owners = [owner for owner, model in SECTIONS.items() if owner != section and name in model.own_keys()]
    if len(owners) == 1:
        advice = f", it belongs under [{owners[0]}]" if key else f", it is a key of [{owners[0]}]"
    else:
        advice = plugins.suggest(name, known)
    return ScenarioError(f"unknown {'key' if key else 'section'}{advice}", section, key, table=table)
