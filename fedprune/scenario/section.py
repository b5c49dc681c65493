"""What all sections of a scenario share, and how their keys name plug-ins."""

from __future__ import annotations

from functools import cache, partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fedprune import plugins
from fedprune.types import UserError

Count = Annotated[int, Field(ge=1, le=1_000_000)]


def plugin(kind: str) -> AfterValidator:
    """A validator of the names of plug-ins of that kind."""
    return AfterValidator(partial(known, kind))


@cache  # Looking through installed packages takes many milliseconds; a refusal is not cached.
def known(kind: str, name: str) -> str:
    """``name`` if there is such a plug-in. Raises ValueError."""
    every = plugins.names(kind)
    if name not in every:
        raise ValueError(f"unknown {plugins.KINDS[kind][1]} '{name}'{plugins.suggest(name, every)}")
    return name


def model_name(name: str) -> str:
    """``name`` if it is a model's, or an import path that leads to one. Raises ValueError."""
    if not plugins.is_path(name):
        return known("models", name)
    try:
        plugins.check_path(name)
    except UserError as error:
        raise ValueError(str(error)) from None
    return name


class Section(BaseModel):
    """What all sections share: frozen, strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """All keys with their values as TOML has them; keys that are None are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def changed(self) -> dict[str, Any]:
        """The keys whose values differ from their defaults."""
        defaults = self.defaults()
        return {
            key: value for key, value in self.plain().items() if key not in defaults or defaults[key] != value
        }

    def defaults(self) -> dict[str, Any]:
        """Key -> default value."""
        return {key: field.default for key, field in type(self).model_fields.items()}


class OpenSection(Section):
    """A section that takes keys beside its own."""

    model_config = ConfigDict(extra="allow")

    def _free(self) -> dict[str, Any]:
        return dict(self.model_extra or {})
