"""The pace of a run: when clients are asked, and which replies make a round."""

from __future__ import annotations

from typing import Protocol

from fedprune.federation.server.records import Elapsed
from fedprune.federation.server.round import Outcome, Round
from fedprune.types import Arrays


class Pace(Protocol):
    """One round after the other, and what is under way between two of them."""

    def play(self, number: int, floor: int, before: float) -> tuple[Round, Outcome, Elapsed | None]:
        """Play a round to its end; its results are then the federation's state.

        Args:
            number: the round, one more than the federation's state has.
            floor: the oldest version of a client that a retained checkpoint can resume from.
            before: simulated seconds until the round.

        Returns:
            The round, what it came to, and what the simulated clock says then, None without one.

        Raises:
            TooFewRepliesError: fewer replies than the quorum count; the federation is then as before.
        """
        ...

    def floor(self, checkpoint: int) -> int:
        """The oldest version of a client that the checkpoint of that round can resume from."""
        ...

    def under_way(self) -> Arrays:
        """What is under way after the last whole round, for a checkpoint."""
        ...

    def restore(self, arrays: Arrays) -> None:
        """Take up what was under way when a checkpoint was made, once the federation's state is that."""
        ...

    def close(self) -> None:
        """Give up what is under way: no further round is played."""
        ...
