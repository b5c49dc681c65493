"""``plugin``: what annotates a text that names a plug-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedprune import plugins
from fedprune.types import UserError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True)
class plugin:  # noqa: N801  (read as a function where it annotates a key)
    """``Annotated[str, plugin("criteria")]``: the name or import path of a plug-in of that kind.

    It annotates keys of a scenario's sections and fields of plug-ins that name further plug-ins. pydantic
    then refuses any other text, and a scenario knows which plug-ins it names.
    """

    kind: str

    def check(self, name: str) -> str:
        """``name`` if there is such a plug-in. Raises ValueError."""
        try:
            plugins.check(self.kind, name)
        except UserError as error:
            raise ValueError(str(error)) from None
        return name

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # Late: the command line's help must not wait for pydantic.
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))
