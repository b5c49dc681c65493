"""``Key``: one key of a scenario as the reference shows it, of a section, a dataclass or a function."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import numpy as np
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fedprune.plugins import KINDS, plugin
from fedprune.reference.docstrings import field_docs
from fedprune.scenario.section import Section

UNITS = {
    "Share": "share",
    "Shares": "share",
    "Seconds": "s",
    "Rounds": "rounds",
    "Round": "round",
    "First round": "round",
    "Last round": "round",
    "Epochs": "epochs",
    "Local epochs": "epochs",
    "Samples": "samples",
    "Clients": "clients",
    "Bits": "bits",
    "Angles": "degrees",
    "The angles": "degrees",
}
"""How the meaning of a key begins -> the unit of its values; other numbers have none."""

REQUIRED = "required"
_WORDS = {int: "whole number", float: "number", bool: "true or false", str: "text", dict: "table"}
_BOUNDS = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))


@dataclass(frozen=True)
class Key:
    """One key: what may stand there, what stands there unless it is given, and what it means."""

    name: str
    type: str
    default: str
    """As TOML has it; ``none`` where the key is left out, ``required`` where it must be given."""
    unit: str
    meaning: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The key as a row of a Markdown table."""
        default = self.default if self.default in (REQUIRED, "none") else f"`{self.default}`"
        return (f"`{self.name}`", self.type, default, self.unit, self.meaning)


def section_keys(section: type[Section]) -> Iterator[Key]:
    """The own keys of a section, in order."""
    docs = field_docs(section)
    for name, field in section.model_fields.items():
        default = REQUIRED if field.is_required() else _default(field.get_default(call_default_factory=True))
        yield _key(name, _type(field.annotation, field.metadata), default, docs.get(name, ""))


def dataclass_keys(made: Any) -> Iterator[Key]:
    """The keys that a plug-in's dataclass adds to its section, in order."""
    docs, hints = field_docs(made), typing.get_type_hints(made, include_extras=True)
    for field in dataclasses.fields(made):
        if not field.init:
            continue
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        shown = REQUIRED if default is dataclasses.MISSING else _default(default)
        yield _key(field.name, _type(hints[field.name]), shown, docs.get(field.name, ""))


def argument_keys(called: Callable[..., Any], given: Sequence[str], docs: dict[str, str]) -> Iterator[Key]:
    """The keys that a function's arguments are, without those ``given`` by other parts of a scenario."""
    for name, argument in inspect.signature(called, eval_str=True).parameters.items():
        if name not in given:
            default = REQUIRED if argument.default is argument.empty else _default(argument.default)
            yield _key(name, _type(argument.annotation), default, docs.get(name, ""))


def _key(name: str, of_type: str, default: str, meaning: str) -> Key:
    # The longest beginning decides: "Local epochs" before "Local".
    begins = [start for start in UNITS if meaning.startswith((f"{start} ", f"{start}:"))]
    return Key(name, of_type, default, UNITS[max(begins, key=len)] if begins else "", meaning)


def _default(value: Any) -> str:
    """A default as TOML has it."""
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return json.dumps(value.model_dump(mode="json"))
    return json.dumps(value)


def _type(hint: Any, metadata: Iterable[Any] = ()) -> str:
    """A type hint in words, with the bounds that its annotations set."""
    notes = list(metadata)
    while typing.get_origin(hint) is Annotated:
        hint, *inner = typing.get_args(hint)
        notes += inner
    for note in notes:
        if isinstance(note, plugin):
            called = KINDS[note.kind].called
            return f"name of {'an' if called[0] in 'aeiou' else 'a'} {called}"
    return _plain_type(hint) + _bounds(notes)


def _plain_type(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in args)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(arg) for arg in args if arg is not type(None)))
    if origin in (list, tuple, Sequence):
        return f"list of {_type(args[0])}"
    if origin is np.ndarray:
        return "list of number"
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "table"
    return _WORDS.get(origin or hint, "any value")


def _number(bound: float) -> str:
    return "2^63" if bound == 2**63 else f"{bound:,}".removesuffix(".0")


def _bounds(notes: Iterable[Any]) -> str:
    """The bounds among annotations, as ", above 0, at most 1"."""
    flat = [inner for note in notes for inner in (note.metadata if isinstance(note, FieldInfo) else [note])]
    said = [
        f"{word} {_number(getattr(note, bound))}"
        for note in flat
        for bound, word in _BOUNDS
        if getattr(note, bound, None) is not None
    ]
    return "".join(f", {bound}" for bound in said)
