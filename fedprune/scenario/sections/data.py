"""``[data]``: which data set, and what of it is what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from fedprune.scenario.section import MEMORY, Role, Section, data_name, is_file_name

ColumnName = Annotated[str, Field(min_length=1)]


class DataSection(Section):
    """Which data set, and which of its columns are what."""

    name: Annotated[str, AfterValidator(data_name)] = "digits"
    """A known set; a folder or file, told by its slash; or an import path of data or of a function that gives
    them. "memory" stands for data that are handed to ``fedprune.run(scenario, data=...)``."""
    root: Annotated[str | None, Role(changes_results=False, for_clients=False)] = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""
    augment: bool = False
    """Whether training images are cropped and flipped at random, as the data set declares."""
    target: ColumnName | list[ColumnName] | None = None
    """The column of a table to predict, or several that are one target of several values."""
    client: ColumnName | None = None
    """The column of a table that says whose a sample is."""
    features: list[ColumnName] | None = None
    """The columns of a table to learn from; all others unless given."""
    content: Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")] | None = None
    """The hash of data that were handed over in memory; written by ``fedprune.run``."""

    def plugins(self) -> Iterator[tuple[str, str]]:
        """See ``Section``; files and data in memory are no plug-ins."""
        if self.name != MEMORY and not is_file_name(self.name):
            yield "datasets", self.name
