"""One clear line for a key or section that does not exist, and for what pydantic refuses."""

from __future__ import annotations

from pydantic import ValidationError

from fedprune import plugins
from fedprune.scenario.errors import ScenarioError, complaint, shown
from fedprune.scenario.sections import SECTIONS

GONE = {
    "wire": "there is a section for each direction now: write its keys under [uplink], and under [downlink] "
    "as well if what goes down is to be coded alike"
}
"""Section of older scenarios -> what to write instead."""


def explain(error: ValidationError) -> ScenarioError:
    """The first of pydantic's complaints as one line."""
    first = error.errors(include_url=False)[0]
    where = [str(part) for part in first["loc"]]
    section, key = where[0], ".".join(where[1:])
    if first["type"] == "extra_forbidden":
        return unknown(section, key)
    if first["type"] in ("model_type", "dict_type") and not key:
        return ScenarioError(
            f"must be a table, not {shown(first['input'])}; write [{section}] above its keys", section
        )
    return ScenarioError(complaint(first), section, key)


def unknown(section: str, key: str = "") -> ScenarioError:
    """The error for a key of ``section``, or for a section, that does not exist."""
    if not key and section in GONE:
        return ScenarioError(GONE[section], section)
    name, known = (key, list(SECTIONS[section].model_fields)) if key else (section, list(SECTIONS))
    owners = [owner for owner, model in SECTIONS.items() if owner != section and name in model.model_fields]
    if len(owners) == 1:
        advice = f", it belongs under [{owners[0]}]" if key else f", it is a key of [{owners[0]}]"
    else:
        advice = plugins.suggest(name, known)
    return ScenarioError(f"unknown {'key' if key else 'section'}{advice}", section, key)
