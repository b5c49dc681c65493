"""``PluginSection``: a section whose free keys are the fields of a plug-in's dataclass, all checked."""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError, model_validator
from pydantic_core import to_jsonable_python

from fedprune import plugins
from fedprune.scenario.errors import ScenarioError, complaint
from fedprune.scenario.section import OpenSection, known
from fedprune.types import UserError


class PluginSection(OpenSection):
    """One key names the plug-in; beside its own keys a section takes those of the plug-in's dataclass."""

    KIND: ClassVar[str]
    """Of plug-in."""
    NAMED_BY: ClassVar[str]
    """The key that names it."""
    SECTION: ClassVar[str]
    """What scenarios call the section."""

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        name = raw.get(cls.NAMED_BY, cls.model_fields[cls.NAMED_BY].default)
        own = {key: value for key, value in raw.items() if key in cls.model_fields}
        try:
            known(cls.KIND, name)
        except (ValueError, TypeError):
            return own  # not a plug-in's name, which the field's own check says better
        return {**own, **cls._resolved(name, {key: raw[key] for key in raw if key not in own})}

    @property
    def fields(self) -> dict[str, Any]:
        """Every field of the plug-in's dataclass, defaults included."""
        return self._free()

    def made(self) -> Any:
        """The plug-in's dataclass with these fields."""
        return plugins.dataclass_of(self.KIND, getattr(self, self.NAMED_BY))(**self.fields)

    def defaults(self) -> dict[str, Any]:
        """Key -> default value, of the dataclass's fields as well."""
        made = plugins.dataclass_of(self.KIND, getattr(self, self.NAMED_BY))
        own = {
            item.name: item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
            for item in dataclasses.fields(made)
        }
        given = {key: value for key, value in own.items() if value is not dataclasses.MISSING}
        dumped: dict[str, Any] = to_jsonable_python(given)
        return super().defaults() | dumped

    @classmethod
    def _resolved(cls, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """All fields of the plug-in, the given ones checked against their type hints."""
        definition = cls._definition(name)
        hints = typing.get_type_hints(definition, include_extras=True)
        fields = [item.name for item in dataclasses.fields(definition) if item.init]
        values = {}
        for key, value in given.items():
            if key not in fields:
                what = f"unknown key of {plugins.KINDS[cls.KIND][1]} '{name}'"
                near = plugins.suggest(key, [*cls.model_fields, *fields])
                raise ScenarioError(what + near, cls.SECTION, key)
            try:
                # As JSON: there a list may become a tuple, yet a text never a number.
                values[key] = TypeAdapter(hints[key]).validate_json(json.dumps(value), strict=True)
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
    def _definition(cls, name: str) -> Any:
        """The plug-in's dataclass, none of whose fields may hide a key of the section."""
        try:
            definition = plugins.dataclass_of(cls.KIND, name)
        except UserError as error:
            raise ScenarioError(str(error), cls.SECTION, cls.NAMED_BY) from None
        hidden = {item.name for item in dataclasses.fields(definition)} & cls.model_fields.keys()
        if hidden:
            what = f"'{name}' has a field '{min(hidden)}', which is a key of the section; rename the field"
            raise ScenarioError(what, cls.SECTION, cls.NAMED_BY)
        return definition
