"""The only file that knows Flower 1.41's private names, which move between its minor versions.

Messages travel as Flower's own protobuf bytes. `to_proto` writes the bytes that Flower's `message_to_proto`
writes, but fills one protobuf object in place: Flower nests finished objects, and protobuf copies a payload
several times per nesting (0.6 ms for 248 kB, against 0.04 ms here).
"""

from __future__ import annotations

from flwr.app import ArrayRecord, ConfigRecord, ConfigRecordValues, Error, Message, MetricRecord
from flwr.serverapp import Grid

try:
    from flwr.common.constant import NUM_PARTITIONS_KEY, PARTITION_ID_KEY, SUPERLINK_NODE_ID, ErrorCode
    from flwr.common.serde import config_record_to_proto, message_from_proto, metric_record_to_proto
    from flwr.common.serde_utils import error_to_proto, metadata_to_proto
    from flwr.proto.message_pb2 import Message as ProtoMessage
    from flwr.proto.recorddict_pb2 import ArrayRecord as ProtoArrayRecord
    from flwr.proto.recorddict_pb2 import ConfigRecord as ProtoConfigRecord
    from flwr.proto.recorddict_pb2 import ConfigRecordValue as ProtoConfigRecordValue
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
    "to_proto",
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

    Added up from lengths where a message holds settings alone, since building the form to ask it for its size
    copies each blob.
    """
    if message.has_error() or not all(isinstance(each, ConfigRecord) for each in message.content.values()):
        proto = to_proto(message)
        if not with_id:
            proto.metadata.ClearField("message_id")
        return int(proto.ByteSize())
    metadata = metadata_to_proto(message.metadata)
    if not with_id:
        metadata.ClearField("message_id")
    content = sum(
        _field(_key_size(key) + _field(_config_size(record)))
        for key, record in message.content.config_records.items()
    )
    return _field(metadata.ByteSize()) + _field(content)


def to_bytes(message: Message) -> bytes:
    """A message as protobuf bytes; the receiver shares no memory with the sender."""
    return bytes(to_proto(message).SerializeToString())


def from_bytes(data: bytes | bytearray) -> Message:
    """Inverse of `to_bytes`; raises protobuf's DecodeError on bytes that are no message."""
    return message_from_proto(ProtoMessage.FromString(bytes(data)))


def to_proto(message: Message) -> ProtoMessage:
    """A message's protobuf form, byte for byte as Flower's `message_to_proto` would write it.

    Raises TypeError for a value of a type that a record cannot hold.
    """
    proto = ProtoMessage()
    proto.metadata.CopyFrom(metadata_to_proto(message.metadata))
    if message.has_error():
        proto.error.CopyFrom(error_to_proto(message.error))
        return proto
    proto.content.SetInParent()
    for key, record in message.content.items():
        item = proto.content.items.add(key=key)
        match record:
            case ArrayRecord():
                _fill_arrays(item.array_record, record)
            case ConfigRecord():
                _fill_config(item.config_record, record)
            case MetricRecord():
                item.metric_record.CopyFrom(metric_record_to_proto(record))
    return proto


def _field(length: int) -> int:
    """Bytes of a protobuf field of so many bytes: a tag of one byte, the length as a varint, the bytes."""
    return 1 + max(1, -(-length.bit_length() // 7)) + length


def _config_size(record: ConfigRecord) -> int:
    """Bytes of a record of settings, without its own tag and length."""
    size = 0
    for name, setting in record.items():
        if isinstance(setting, bytes):
            value = _field(len(setting))
        else:
            value = int(_value_of(name, setting).ByteSize())
        size += _field(_key_size(name) + _field(value))
    return size


def _key_size(key: str) -> int:
    """Bytes of a key; an empty one is protobuf's default, which it does not write."""
    return _field(len(key.encode())) if key else 0


def _value_of(name: str, setting: ConfigRecordValues) -> ProtoConfigRecordValue:
    value: ProtoConfigRecordValue = config_record_to_proto(ConfigRecord({name: setting})).items[0].value
    return value


def _fill_arrays(proto: ProtoArrayRecord, record: ArrayRecord) -> None:
    proto.SetInParent()
    for name, array in record.items():
        value = proto.items.add(key=name).value
        value.dtype = array.dtype
        value.shape.extend(array.shape)
        value.stype = array.stype
        value.data = array.data


def _fill_config(proto: ProtoConfigRecord, record: ConfigRecord) -> None:
    proto.SetInParent()
    for name, setting in record.items():
        value = proto.items.add(key=name).value
        if isinstance(setting, bytes):
            value.bytes = setting
        else:
            value.CopyFrom(_value_of(name, setting))
