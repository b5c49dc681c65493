"""One entry of the reference: a section of a scenario with its keys, or a plug-in with its options."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from fedprune import plugins
from fedprune.data import flower_partitioners
from fedprune.data.partition import describe_partitioners
from fedprune.models import GIVEN
from fedprune.reference.docstrings import as_markdown, clauses, numpy_arguments, unwrapped
from fedprune.reference.examples import example
from fedprune.reference.keys import Key, argument_keys, dataclass_keys, section_keys
from fedprune.scenario import bundled_scenarios
from fedprune.scenario.plugin_section import PluginSection
from fedprune.scenario.section import Section
from fedprune.scenario.section_list import AnySection, SectionList
from fedprune.scenario.sections import SECTIONS
from fedprune.text_table import markdown
from fedprune.types import UserError

_HEADER = ("key", "type", "default", "unit", "meaning")


def names(kind: str) -> dict[str, str]:
    """Name -> one line, of every plug-in of a kind, or of "sections" or "scenarios"; imports no plug-in.

    Partitioners of flwr-datasets are among the partitioners.
    """
    if kind == "partitioners":
        return describe_partitioners()
    if kind == "sections":
        return {name: _first_line(section) for name, section in SECTIONS.items()}
    if kind == "scenarios":
        texts = {name: path.read_text("utf-8") for name, path in bundled_scenarios().items()}
        return {name: text.split("\n", 1)[0].strip("# ") for name, text in texts.items()}
    return plugins.describe(kind)


def entry(kind: str, name: str) -> str:
    """All that there is to know of a name of a kind, of a section, or of a scenario, as Markdown.

    Raises UserError for a name that is not there, BrokenPluginError for a plug-in that cannot be loaded.
    """
    if kind == "sections":
        return section_entry(name)
    if kind == "scenarios":
        return scenario_entry(name)
    return plugin_entry(kind, name)


def scenario_entry(name: str) -> str:
    """The file of a bundled scenario. Raises UserError for one that does not exist."""
    there = bundled_scenarios()
    if name not in there:
        raise UserError(f"unknown scenario '{name}'{plugins.suggest(name, list(there))}")
    return f"## {name}\n\n```toml\n{there[name].read_text('utf-8').rstrip()}\n```\n"


def plugin_entry(kind: str, name: str) -> str:
    """What the reference says of one plug-in: its docstring with its paper, its keys, an example.

    Raises UnknownPluginError for a name that is not there, BrokenPluginError for a plug-in that cannot be
    loaded.
    """
    if kind == "partitioners" and name not in plugins.names(kind):
        said, keys = _of_flower(name)
    else:
        plugins.check(kind, name)
        said, keys = _said(kind, name), list(_keys(kind, name))
    table = [] if not keys else [_table(keys)]
    return "\n\n".join([f"## {name}", said, *table, example(kind, name, keys)]) + "\n"


def section_entry(name: str) -> str:
    """What the reference says of one section of a scenario. Raises UserError for one that does not exist."""
    if name not in SECTIONS:
        raise UserError(f"unknown section '{name}'{plugins.suggest(name, list(SECTIONS))}")
    section, header = SECTIONS[name], f"[{name}]"
    if issubclass(section, SectionList):
        header, section = f"[[{name}]]", section.item()
    assert issubclass(section, Section)
    said = as_markdown(section.__doc__ or "")
    where = [f"Further keys: those of the {_link(section)}."] if issubclass(section, PluginSection) else []
    return "\n\n".join([f"## {header}", said, *where, _table(list(section_keys(section)))]) + "\n"


def _first_line(section: type[AnySection]) -> str:
    return unwrapped((section.__doc__ or "").split("\n", 1)[0])


def _link(section: type[PluginSection]) -> str:
    called = plugins.KINDS[section.KIND].called
    return f"{called} that `{section.NAMED_BY}` names, see [{section.KIND}]({section.KIND}.md)"


def _table(keys: Sequence[Key]) -> str:
    text = markdown(_HEADER, [key.cells for key in keys])
    return text.replace("---:", "---")


def _said(kind: str, name: str) -> str:
    """The docstring of the plug-in's file, and that of its class where it has one."""
    found = plugins.load(kind, name)
    said = as_markdown(getattr(found, "__doc__", None) or "")
    if plugins.KINDS[kind].base:
        said += "\n\n" + as_markdown(plugins.dataclass_of(kind, name).__doc__ or "")
    elif kind == "models":
        said += "\n\n" + as_markdown(found.build.__doc__ or "")
    return said.strip()


def _keys(kind: str, name: str) -> list[Key]:
    if plugins.KINDS[kind].base:
        return list(dataclass_keys(plugins.dataclass_of(kind, name)))
    if kind == "models":
        build = plugins.load(kind, name).build
        given = (*list(inspect.signature(build).parameters)[:2], *GIVEN)
        return list(argument_keys(build, given, clauses(build.__doc__ or "")))
    return []


def _of_flower(name: str) -> tuple[str, list[Key]]:
    """What flwr-datasets says of a partitioner of its own, and its arguments."""
    made = flower_partitioners.partitioner_class(name)
    said = flower_partitioners.describe()[name]
    given = ("num_partitions", "seed", "partition_by")
    return f"{said}\n\nOf flwr-datasets, `{made.__name__}`.", list(
        argument_keys(made, given, numpy_arguments(made.__doc__ or ""))
    )
