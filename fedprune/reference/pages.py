"""The pages of the reference: one for the sections of a scenario, and one for each kind of plug-in."""

from __future__ import annotations

from importlib.metadata import version

from fedprune import plugins
from fedprune.data import flower_partitioners
from fedprune.reference.entries import plugin_entry, section_entry
from fedprune.scenario.sections import SECTIONS

MADE = "<!-- Made by python -m fedprune.reference docs/reference: change the docstrings, not this page. -->"

FLOWER = "flwr_partitioners.md"
"""The page of partitioners that are flwr-datasets' own; another version of it may make another page."""


def pages() -> dict[str, str]:
    """File name -> text, of every page."""
    found = {"scenario.md": _scenario_page()}
    found |= {f"{kind}.md": _kind_page(kind) for kind in plugins.KINDS}
    found[FLOWER] = _flower_page()
    return found | {"README.md": _overview()}


def _overview() -> str:
    lines = ["- [Sections and keys of a scenario](scenario.md)"]
    for kind in plugins.KINDS:
        lines.append(f"- [{_title(kind)}]({kind}.md): {', '.join(f'`{name}`' for name in _own(kind))}")
    lines.append(f"- [Partitioners of flwr-datasets]({FLOWER})")
    said = "Every key of a scenario and every plug-in, made from the code. `fedprune list KIND NAME` shows an"
    return _page("Reference", f"{said}\nentry on the terminal.", "\n".join(lines) + "\n")


def _scenario_page() -> str:
    said = (
        "A scenario is a TOML file of these sections; each may be left out, and so may each of its keys.\n"
        "On the command line a key is `--set section.key=value`; `none` means that it is left out.\n\n"
        "`[sweep]` lists values of which each makes a run, in every combination: a dotted key, as in\n"
        '`"run.seed" = [0, 1]`; a section, as in `strategy = [{ name = "fedavg" }, { name = "ssfl" }]`; or\n'
        "several at once under a label of their own, as `[[sweep.variant]]` tables in the quickstart do\n"
        "(`fedprune list scenarios quickstart`)."
    )
    return _page("Sections and keys", said, *map(section_entry, SECTIONS))


def _kind_page(kind: str) -> str:
    said = f"`fedprune list {kind}` lists them; [docs/plugins.md](../plugins.md) tells how to write one."
    return _page(_title(kind), said, *(plugin_entry(kind, name) for name in _own(kind)))


def _flower_page() -> str:
    said = (
        f"Partitioners of flwr-datasets {version('flwr-datasets')}, as `[partition] name` calls them;\n"
        "their texts are the library's. Our own are [partitioners](partitioners.md)."
    )
    found = sorted(set(flower_partitioners.describe()) - set(plugins.names("partitioners")))
    return _page(
        "Partitioners of flwr-datasets", said, *(plugin_entry("partitioners", name) for name in found)
    )


def _page(title: str, said: str, *entries: str) -> str:
    return "\n\n".join([MADE, f"# {title}", said, *(entry.rstrip() for entry in entries)]) + "\n"


def _title(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _own(kind: str) -> list[str]:
    """The plug-ins of a kind that come with fedprune, whatever stands where the command is run."""
    return [name for name in plugins.names(kind) if plugins.find(kind, name).own]
