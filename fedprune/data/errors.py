"""What can go wrong with data and can be mended by the user."""

from __future__ import annotations

from fedprune.types import UserError


class DataError(UserError):
    """A data set is missing or its files do not hold what they should."""


class PartitionError(UserError):
    """The asked partition cannot be made."""
