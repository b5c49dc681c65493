"""What all sections of a scenario share: how they are checked, what their keys are for, how keys name
plug-ins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from fedprune.plugins import plugin

__all__ = ["MEMORY", "Count", "OpenSection", "Role", "Section", "data_name", "is_file_name", "plugin"]

MEMORY = "memory"
"""What a data set is called that was handed over in memory."""

Count = Annotated[int, Field(ge=1, le=1_000_000)]


@dataclass(frozen=True)
class Role:
    """What a key is for: said once for a section (``ROLE``), and for a key that differs in its annotation."""

    changes_results: bool = True
    """Whether another value may give another result. The run's hash covers these keys and no others."""
    for_clients: bool = True
    """Whether a client needs the value to do its part of a round. No other key is sent to it."""


def is_file_name(name: str) -> bool:
    """Whether a data set's name is that of a folder or a file: it has a slash."""
    return "/" in name or os.sep in name


def data_name(name: str) -> str:
    """``name`` if it is a known set's, a folder's or file's, or an import path. Raises ValueError."""
    return name if name == MEMORY or is_file_name(name) else plugin("datasets").check(name)


class Section(BaseModel):
    """What all sections share: they are frozen and strict, and refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    ROLE: ClassVar[Role] = Role()
    """What the keys are for whose annotation does not say otherwise."""

    @classmethod
    def own_keys(cls) -> list[str]:
        """The section's own keys, in order."""
        return list(cls.model_fields)

    @classmethod
    def takes(cls, key: str) -> bool:
        """Whether the section may hold ``key``, as far as can be told without its plug-in."""
        return key in cls.model_fields or cls.model_config.get("extra") == "allow"

    @classmethod
    def starts_afresh(cls) -> bool:
        """Whether the other keys belong to what ``name`` says, so that another name begins without them."""
        field = cls.model_fields.get("name")
        return field is not None and (
            cls.model_config.get("extra") == "allow"
            or any(isinstance(note, plugin) for note in field.metadata)
        )

    @classmethod
    def role(cls, key: str) -> Role:
        """What ``key`` is for, as its annotation says or else the section's ``ROLE``."""
        field = cls.model_fields.get(key)
        notes = field.metadata if field is not None else ()
        return next((note for note in notes if isinstance(note, Role)), cls.ROLE)

    def plugins(self) -> Iterator[tuple[str, str]]:
        """(kind, name) of each plug-in that the section names."""
        for key, field in type(self).model_fields.items():
            value = getattr(self, key)
            if isinstance(value, Section):
                yield from value.plugins()
            elif value is not None:
                yield from ((note.kind, value) for note in field.metadata if isinstance(note, plugin))

    def plain(self) -> dict[str, Any]:
        """All keys with their values as TOML has them; keys that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def decisive(self) -> dict[str, Any]:
        """Those of ``plain`` that can change a result."""
        return {key: value for key, value in self.plain().items() if self.role(key).changes_results}

    def told_to_clients(self) -> dict[str, Any]:
        """Those of ``plain`` that a client needs and that differ from their defaults."""
        defaults = self.defaults()
        return {
            key: value
            for key, value in self.plain().items()
            if self.role(key).for_clients and (key not in defaults or defaults[key] != value)
        }

    def defaults(self) -> dict[str, Any]:
        """The default value of each of the section's keys, by key."""
        return {key: field.default for key, field in type(self).model_fields.items()}


class OpenSection(Section):
    """A section that takes keys beside its own."""

    model_config = ConfigDict(extra="allow")

    def _free(self) -> dict[str, Any]:
        return dict(self.model_extra or {})
