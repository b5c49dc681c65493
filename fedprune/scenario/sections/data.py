"""``[data]``: which data set, and where its files are."""

from __future__ import annotations

from typing import Annotated

from fedprune.scenario.section import Role, Section, plugin


class DataSection(Section):
    """Which data set, and where its files are."""

    name: Annotated[str, plugin("datasets")] = "digits"
    root: Annotated[str | None, Role(changes_results=False, for_clients=False)] = None
    """Folder of local data sets; FEDPRUNE_DATA unless given."""
    augment: bool = False
    """Whether training images are cropped and flipped at random, as the data set declares."""
