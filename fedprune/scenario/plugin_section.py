"""``PluginSection``: a section whose free keys are the fields of a plug-in's dataclass, all checked."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from pydantic import PydanticUserError, TypeAdapter, ValidationError, model_validator
from pydantic_core import to_jsonable_python

from fedprune import plugins
from fedprune.scenario.errors import ScenarioError, complaint
from fedprune.scenario.section import OpenSection, plugin
from fedprune.types import UserError


class PluginSection(OpenSection):
    """One key names the plug-in; beside its own keys a section takes those of the plug-in's dataclass.

    A subclass sets ``KIND``, ``NAMED_BY`` and ``SECTION``, and annotates its key ``NAMED_BY`` with
    ``plugin(KIND)``. Every field of the dataclass is resolved, so that a run's record and hash hold all of
    them.
    """

    KIND: ClassVar[str]
    """The kind of plug-in that the section names."""
    NAMED_BY: ClassVar[str]
    """The key of the section that names the plug-in."""
    SECTION: ClassVar[str]
    """The name under which scenarios have the section, for messages."""

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        name = raw.get(cls.NAMED_BY, cls.model_fields[cls.NAMED_BY].default)
        own = {key: value for key, value in raw.items() if key in cls.model_fields}
        try:
            plugin(cls.KIND).check(name)
        except (ValueError, TypeError):
            return own  # not a plug-in's name, which the field's own check says better
        return {**own, **cls._resolved(name, {key: raw[key] for key in raw if key not in own})}

    @property
    def fields(self) -> dict[str, Any]:
        """Every field of the plug-in's dataclass with its value, defaults included."""
        return self._free()

    def made(self) -> Any:
        """The plug-in's dataclass with these fields."""
        return plugins.dataclass_of(self.KIND, getattr(self, self.NAMED_BY))(**self.fields)

    def defaults(self) -> dict[str, Any]:
        """Key -> default value, of the dataclass's fields as well."""
        made = plugins.dataclass_of(self.KIND, getattr(self, self.NAMED_BY))
        dumped: dict[str, Any] = to_jsonable_python(_defaults(made))
        return super().defaults() | dumped

    def plugins(self) -> Iterator[tuple[str, str]]:
        """(kind, name) of the section's plug-in, and of those that its fields name."""
        yield from super().plugins()
        made = plugins.dataclass_of(self.KIND, getattr(self, self.NAMED_BY))
        for key, hint in typing.get_type_hints(made, include_extras=True).items():
            notes = getattr(hint, "__metadata__", ())
            yield from ((note.kind, self.fields[key]) for note in notes if isinstance(note, plugin))

    @classmethod
    def _resolved(cls, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """All fields of the plug-in, the given ones checked against their type hints."""
        definition, checks = cls._definition(name)
        fields = [item.name for item in dataclasses.fields(definition) if item.init]
        values = {}
        for key, value in given.items():
            if key not in fields:
                what = f"unknown key of {plugins.KINDS[cls.KIND].called} '{name}'"
                near = plugins.suggest(key, [*cls.model_fields, *fields])
                raise ScenarioError(what + near, cls.SECTION, key)
            try:
                # As JSON: there a list may become a tuple, yet a text never a number.
                values[key] = checks[key].validate_json(json.dumps(value), strict=True)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                where = ".".join([key, *map(str, first["loc"])])
                raise ScenarioError(complaint(first), cls.SECTION, where) from None
        try:
            made = definition(**values)
        except (ValueError, TypeError, UserError) as error:
            # By convention such a message begins with the field: "target: must lie in [0, 1)".
            key, _, what = str(error).partition(": ")
            key, what = (key, what) if key in fields else ("", str(error))
            raise ScenarioError(what, cls.SECTION, key) from None
        return {key: getattr(made, key) for key in fields}

    @classmethod
    def _definition(cls, name: str) -> tuple[Any, Mapping[str, TypeAdapter[Any]]]:
        """The plug-in's dataclass, none of whose fields may hide a key of the section, and their checks."""
        try:
            definition = plugins.dataclass_of(cls.KIND, name)
            checks = _checks(definition)
        except UserError as error:
            raise ScenarioError(str(error), cls.SECTION, cls.NAMED_BY) from None
        hidden = {item.name for item in dataclasses.fields(definition)} & cls.model_fields.keys()
        if hidden:
            what = f"'{name}' has a field '{min(hidden)}', which is a key of the section; rename the field"
            raise ScenarioError(what, cls.SECTION, cls.NAMED_BY)
        return definition, checks


class OptionalPluginSection(PluginSection):
    """A section that may name no plug-in; it then holds no other key."""

    @model_validator(mode="before")
    @classmethod
    def _of_a_named_plugin(cls, raw: Any) -> Any:
        key = cls.NAMED_BY
        if isinstance(raw, dict) and raw.get(key) is None and (others := raw.keys() - {key}):
            called = plugins.KINDS[cls.KIND].called
            raise ScenarioError(
                f"belongs to a {called}: set [{cls.SECTION}] {key} as well", cls.SECTION, min(others)
            )
        return raw

    def plugins(self) -> Iterator[tuple[str, str]]:
        """See ``PluginSection``; nothing where no plug-in is named."""
        if (name := getattr(self, self.NAMED_BY)) is not None:
            yield self.KIND, name
            yield from super().plugins()

    def defaults(self) -> dict[str, Any]:
        """See ``PluginSection``; nothing but the missing name where no plug-in is named."""
        return {self.NAMED_BY: None} if getattr(self, self.NAMED_BY) is None else super().defaults()

    def made(self) -> Any:
        """See ``PluginSection``; None where no plug-in is named."""
        return None if getattr(self, self.NAMED_BY) is None else super().made()


def _defaults(definition: Any) -> dict[str, Any]:
    """Field -> default value, of the fields that have one."""
    found = {
        item.name: item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
        for item in dataclasses.fields(definition)
    }
    return {key: value for key, value in found.items() if value is not dataclasses.MISSING}


@lru_cache(maxsize=128)
def _checks(definition: Any) -> Mapping[str, TypeAdapter[Any]]:
    """Field -> the check of its values, by its type hint; every default has passed its own.

    Raises BrokenPluginError for a type that is unknown or that no key can have, and for a wrong default.
    """
    called = f"class {definition.__name__} of {plugins.place_of(definition)}"
    try:
        hints = typing.get_type_hints(definition, include_extras=True)
        checks: dict[str, TypeAdapter[Any]] = {
            item.name: TypeAdapter(hints[item.name]) for item in dataclasses.fields(definition)
        }
    except (NameError, TypeError, PydanticUserError) as error:
        raise plugins.BrokenPluginError(f"{called}: the type of a field is of no use here: {error}") from None
    for key, value in _defaults(definition).items():
        try:
            checks[key].validate_python(value, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise plugins.BrokenPluginError(
                f"{called}: the default of field '{key}' {complaint(first)}"
            ) from None
    return checks
