"""``[model]``: which architecture, and its options."""

from __future__ import annotations

from typing import Annotated, Any

from fedprune.scenario.section import OpenSection, plugin


class ModelSection(OpenSection):
    """Which architecture; further keys are options of the plug-in's ``build`` or the class's constructor."""

    name: Annotated[str, plugin("models")] = "lenet5"
    """A plug-in, or the import path of a torch module: package.module:Class."""

    prune_embeddings: bool = False
    """Whether masks of single weights cover embeddings too. A row of an embedding is one token's, and most
    are read rarely, so that magnitudes say less of them than of matrices that every sample is multiplied by.
    """

    @property
    def options(self) -> dict[str, Any]:
        """The keyword options that the scenario gives to the model's ``build``, by name."""
        return self._free()
