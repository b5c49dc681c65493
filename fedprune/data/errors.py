"""What can go wrong with data and can be mended by the user."""

from __future__ import annotations

from fedprune.types import UserError


class DataError(UserError):
    """A data set is missing or its files do not hold what they should."""


class PartitionError(UserError):
    """The asked partition cannot be made."""


def one_line(error: BaseException) -> str:
    """Another library's error as part of a line: its type and the first line of what it says."""
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:200]
