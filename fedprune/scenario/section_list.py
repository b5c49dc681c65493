"""``SectionList``: a section written as any number of tables, ``[[update]]``, each naming a plug-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, RootModel, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from fedprune.scenario.errors import ScenarioError
from fedprune.scenario.section import Section

NO_TABLES = "no_tables"
"""The type of pydantic's complaint about what is no list of tables."""

Table = TypeVar("Table", bound=Section)


class SectionList(RootModel[tuple[Table, ...]], Generic[Table]):
    """A chain of tables of one section class, in the order written; none unless given.

    A section of this kind is one class, ``class UpdateChain(SectionList[UpdateSection])``. It answers what a
    ``Section`` answers, with one entry for each table of ``root``.
    """

    model_config = ConfigDict(frozen=True)

    root: tuple[Table, ...] = ()

    @classmethod
    def item(cls) -> type[Section]:
        """The section class that each table of the list is checked by."""
        annotation = cls.model_fields["root"].annotation
        table: type[Section] = annotation.__args__[0]  # type: ignore[union-attr]
        return table

    @classmethod
    def own_keys(cls) -> list[str]:
        """The own keys of each table, in order."""
        return cls.item().own_keys()

    @classmethod
    def takes(cls, key: str) -> bool:
        """Whether a single key can be set: never, since nothing says in which of the tables."""
        return False

    @classmethod
    def starts_afresh(cls) -> bool:
        """A list is replaced as a whole."""
        return True

    def plugins(self) -> Iterator[tuple[str, str]]:
        """(kind, name) of each plug-in that the tables name."""
        for table in self.root:
            yield from table.plugins()

    def plain(self) -> list[dict[str, Any]]:
        """Each table as TOML has it."""
        return [table.plain() for table in self.root]

    def decisive(self) -> list[dict[str, Any]]:
        """The keys of each table that can change a result, with their values."""
        return [table.decisive() for table in self.root]

    def told_to_clients(self) -> list[dict[str, Any]]:
        """The keys of each table that a client needs and that differ from their defaults."""
        return [table.told_to_clients() for table in self.root]

    @field_validator("root", mode="before")
    @classmethod
    def _each(cls, raw: Any) -> Any:
        """Checks each table, so that what a plug-in refuses is told with the table's number."""
        if not isinstance(raw, list | tuple) or not all(isinstance(table, dict | Section) for table in raw):
            raise PydanticCustomError(NO_TABLES, "must be tables")
        return tuple(cls._checked(number, table) for number, table in enumerate(raw, start=1))

    @classmethod
    def _checked(cls, number: int, table: Any) -> Any:
        try:
            return cls.item().model_validate(table)
        except ScenarioError as error:
            raise ScenarioError(error.what, error.section, error.key, table=number) from None
        except ValidationError:
            return table  # which pydantic refuses again, and then says in which table it is


AnySection = Section | SectionList[Any]
"""A scenario is a table of these by name: each section is one table, or a list of tables."""
