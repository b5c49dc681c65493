"""A pull towards an anchor, as FedProx and Ditto add it to the local objective."""

from __future__ import annotations

from dataclasses import dataclass

from fedprune.types import Arrays


@dataclass(frozen=True)
class Proximal:
    """(strength / 2) * squared distance of the parameters to ``anchor``, in full coordinates by name.

    Names that are no parameters of the model (running statistics) are not looked at; a parameter that the
    anchor lacks is not pulled.
    """

    strength: float
    anchor: Arrays
