"""``Order``: what both sides remember of a message to a client until its reply is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flwr.app import Array, Message

_FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True)
class Order:
    """Taken from the message once, since apps and strategies may change its content in place afterwards."""

    round: str
    """The setting "server-round" that Flower's strategies send, else the message's group; may be empty."""
    node: int
    """The client's node id."""
    kind: str
    """The message type, such as "train" or "evaluate"."""
    arrays: Mapping[str, Mapping[str, Array]]
    """Name of an ArrayRecord -> name of an array -> the array."""

    @classmethod
    def of(cls, message: Message) -> Order:
        """What there is to remember of a message to a client."""
        about, content = message.metadata, message.content
        rounds = [each["server-round"] for each in content.config_records.values() if "server-round" in each]
        arrays = {key: dict(record) for key, record in content.array_records.items()}
        return cls(str([*rounds, about.group_id][0]), about.dst_node_id, about.message_type, arrays)

    def floats(self, record: str) -> dict[str, Array]:
        """The arrays of a record that a codec takes in the reply."""
        return {
            name: array
            for name, array in self.arrays[record].items()
            if array.dtype in _FLOATS and array.stype == "numpy.ndarray"
        }
