"""The only file that knows Flower 1.41's private names, which move between its minor versions.

Messages travel as Flower's own protobuf bytes. `to_bytes` writes the bytes that protobuf writes of Flower's
`message_to_proto`, but joins them itself: Flower nests finished objects, and protobuf copies a payload for
each nesting and again to write it (0.6 to 1.9 ms for 248 kB, against 0.03 ms here).
"""

from __future__ import annotations

from flwr.app import ArrayRecord, ConfigRecord, ConfigRecordValues, Error, Message, MetricRecord
from flwr.serverapp import Grid

from fedprune.wire.varint import encode_varint

try:
    from flwr.common.constant import NUM_PARTITIONS_KEY, PARTITION_ID_KEY, SUPERLINK_NODE_ID, ErrorCode
    from flwr.common.serde import (
        array_record_to_proto,
        config_record_to_proto,
        message_from_proto,
        metric_record_to_proto,
    )
    from flwr.common.serde_utils import error_to_proto, metadata_to_proto
    from flwr.proto.message_pb2 import Message as ProtoMessage
    from flwr.supercore.run import Run
    from flwr.supercore.task_identity import TaskIdentity
except ImportError as error:
    raise ImportError(
        f"fedprune works with flwr 1.41.x, this one has moved a private name: {error}"
    ) from error

__all__ = [
    "CRASHED",
    "FIRST_NODE_ID",
    "LATE",
    "RAISED",
    "SUPERLINK_NODE_ID",
    "UNUSABLE",
    "Run",
    "assign_id",
    "become_server",
    "client_of",
    "empty_run",
    "error_reply",
    "from_bytes",
    "node_config",
    "node_of",
    "registered_names",
    "to_bytes",
    "wire_size",
]

RAISED = ErrorCode.CLIENT_APP_RAISED_EXCEPTION
"""Error code of a reply: the client's handler raised."""
CRASHED = ErrorCode.CLIENT_APP_CRASHED
"""Error code of a reply: the process that held the message ended."""
LATE = ErrorCode.REPLY_MESSAGE_UNAVAILABLE
"""Error code of a reply: none came in time."""
UNUSABLE = 1000
"""Error code of a reply, clear of Flower's own: the client's machine cannot read or write the run's files."""

FIRST_NODE_ID = 1000
"""Node id of client 0, clear of 0 (no node) and of SUPERLINK_NODE_ID (the server)."""

_ANY_TASK = 1

# Numbers of the fields in Flower's message.proto and recorddict.proto, which no version may change.
_METADATA, _CONTENT, _ERROR = 1, 2, 3
_ITEM, _KEY, _VALUE = 1, 1, 2
_ARRAYS, _METRICS, _SETTINGS, _BLOB = 2, 3, 4, 6
_LENGTH_DELIMITED = 2


def node_of(client: int) -> int:
    """The node id under which a client is addressed: fixed, since Flower's own are random."""
    return FIRST_NODE_ID + client


def client_of(node_id: int) -> int:
    """The client behind a node id; inverse of `node_of`."""
    return node_id - FIRST_NODE_ID


def node_config(client: int, nodes: int) -> dict[str, bool | float | int | str]:
    """What a client's Context holds about its node, under the keys of Flower's own simulation."""
    return {PARTITION_ID_KEY: client, NUM_PARTITIONS_KEY: nodes}


def registered_names(grid: Grid) -> dict[int, str]:
    """Node id -> the name that the node was registered under, of the connected nodes that have one; of a grid
    that knows no names nothing."""
    get_nodes = getattr(grid, "get_nodes", None)
    nodes = () if get_nodes is None else get_nodes()
    return {node.node_id: node.name for node in nodes if node.name}


def empty_run(run_id: int) -> Run:
    """A Run of that id that belongs to no bundle and no federation."""
    return Run.create_empty(run_id)


def become_server(run_id: int) -> None:
    """Make this process the server of a run: Message(...) reads its run and source from this global."""
    TaskIdentity.task_id = _ANY_TASK
    TaskIdentity.run_id = run_id
    TaskIdentity.node_id = SUPERLINK_NODE_ID


def assign_id(message: Message, message_id: str) -> None:
    """Give a message its id, in the way of Flower's own grids."""
    message.metadata.__dict__["_message_id"] = message_id


def error_reply(message: Message, code: int, reason: str) -> Message:
    """The reply to a message whose handling failed; code is one of RAISED, CRASHED, LATE."""
    return Message(Error(code, reason), reply_to=message)


def wire_size(message: Message, *, with_id: bool = True) -> int:
    """Bytes of a message on the wire: its protobuf form, metadata included.

    An order travels with its id, which it has once a grid has taken it. A reply has one that its grid gave it
    when it was there: it never travelled, and is left out without ``with_id``.
    """
    return sum(map(len, _pieces(message, with_id=with_id)))


def to_bytes(message: Message) -> bytes:
    """A message as protobuf bytes; the receiver shares no memory with the sender.

    Raises TypeError for a value of a type that a record cannot hold.
    """
    return b"".join(_pieces(message))


def from_bytes(data: bytes | bytearray) -> Message:
    """Inverse of `to_bytes`; raises protobuf's DecodeError on bytes that are no message."""
    return message_from_proto(ProtoMessage.FromString(bytes(data)))


def _pieces(message: Message, *, with_id: bool = True) -> list[bytes]:
    """A message's protobuf form in order, each blob as it is."""
    metadata = metadata_to_proto(message.metadata)
    if not with_id:
        metadata.ClearField("message_id")
    start = _field(_METADATA, [metadata.SerializeToString()])
    if message.has_error():
        return start + _field(_ERROR, [error_to_proto(message.error).SerializeToString()])
    content: list[bytes] = []
    for key, record in message.content.items():
        content += _field(_ITEM, _text(_KEY, key) + _record(record))
    return start + _field(_CONTENT, content)


def _record(record: ArrayRecord | ConfigRecord | MetricRecord) -> list[bytes]:
    if isinstance(record, ArrayRecord):
        return _field(_ARRAYS, [array_record_to_proto(record).SerializeToString()])
    if isinstance(record, MetricRecord):
        return _field(_METRICS, [metric_record_to_proto(record).SerializeToString()])
    settings: list[bytes] = []
    for name, setting in record.items():
        settings += _field(_ITEM, _text(_KEY, name) + _field(_VALUE, _setting(setting)))
    return _field(_SETTINGS, settings)


def _setting(setting: ConfigRecordValues) -> list[bytes]:
    if isinstance(setting, bytes):
        return _field(_BLOB, [setting])
    (item,) = config_record_to_proto(ConfigRecord({"": setting})).items
    return [item.value.SerializeToString()]


def _text(number: int, text: str) -> list[bytes]:
    """A field of text; protobuf does not write an empty one."""
    return _field(number, [text.encode()]) if text else []


def _field(number: int, pieces: list[bytes]) -> list[bytes]:
    """A field of bytes: its number and wire type in one byte, their length as a varint, the bytes."""
    return [bytes([number << 3 | _LENGTH_DELIMITED]), encode_varint(sum(map(len, pieces))), *pieces]
