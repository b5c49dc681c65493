"""What a strategy finds on the server, and what one message between both sides carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fedprune.aggregation import Combiner, Over, Update
from fedprune.pruning.groups import ChannelGroup
from fedprune.pruning.mask import Mask
from fedprune.types import Arrays


@dataclass(frozen=True)
class Payload:
    """What one message carries: values in full coordinates, and the mask when the other side does not know it
    yet.

    ``arrays`` holds every parameter that travels and no other. Of a parameter under a mask only kept
    coordinates are encoded: those of ``mask``, or, when that is None, those of the mask both sides already
    know. The receiver finds zeros elsewhere.

    A reply may also announce ``next_mask``: the mask that both sides go on with instead of this message's.
    The client's next order comes on it, so weights that it brings to life arrive with the server's values.
    """

    arrays: Arrays
    mask: Mask | None = None
    next_mask: Mask | None = None
    """In a reply, and over exactly what the method's masks cover; it is coded against this message's mask."""


@dataclass
class Server:
    """What the server holds between rounds; checkpoints carry weights and memory."""

    weights: Arrays
    memory: Arrays = field(default_factory=dict)
    """The strategy's own arrays (for example a shared mask or a first phase's saliencies)."""
    round: int = 0
    """The round under way, from 1; 0 before the first."""
    initial: Arrays = field(default_factory=dict)
    """The initial weights: keyed, so both sides have them and they never travel."""
    prunable: tuple[str, ...] = ()
    """Names of the weights (not biases, not norms) that a mask may cover."""
    combiner: Combiner = field(default_factory=Combiner)
    """How replies are combined in this run: ``[aggregate]`` and ``[server_optimizer]``."""
    moments: Arrays = field(default_factory=dict)
    """The server optimizer's memory, apart from the strategy's; checkpoints carry it too."""
    rounds: int = 1
    """The rounds that the run is to have."""
    groups: tuple[ChannelGroup, ...] = ()
    """Channels that can be removed, with every parameter slice that goes with them."""
    clients: int = 1
    """How many clients the federation has; their ids are 0, 1, and so on."""
    recipient: int = 0
    """In ``send``, the client that it is for; of no meaning in other hooks."""

    def combine(self, updates: Sequence[Update], *, over: Over = "holders", weighted: bool = False) -> Arrays:
        """The next weights, as the scenario says how; the strategy says what.

        Args:
            updates: whose arrays are combined; each has values for some of the server's weights.
            over: "holders" combines a coordinate over those who hold it; "all" only where all of them do.
            weighted: whether clients count by their number of samples, where the aggregator knows weights.

        Returns:
            All of the server's weights. What nobody holds, or in "all" somebody does not, is as it was.
        """
        return self.combiner.combine(self.weights, updates, self.moments, over=over, weighted=weighted)
