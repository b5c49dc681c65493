"""Flower's private names are where they were, and our protobuf form of a message is Flower's."""

from __future__ import annotations

import importlib

import flwr
import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.common.serde import message_to_proto
from hypothesis import given, settings
from hypothesis import strategies as st

from fedprune.federation.flower import private

PRIVATE = [
    ("flwr.common.constant", "NUM_PARTITIONS_KEY"),
    ("flwr.common.constant", "PARTITION_ID_KEY"),
    ("flwr.common.constant", "SUPERLINK_NODE_ID"),
    ("flwr.common.constant", "ErrorCode.CLIENT_APP_CRASHED"),
    ("flwr.common.constant", "ErrorCode.CLIENT_APP_RAISED_EXCEPTION"),
    ("flwr.common.constant", "ErrorCode.REPLY_MESSAGE_UNAVAILABLE"),
    ("flwr.common.serde", "array_record_to_proto"),
    ("flwr.common.serde", "config_record_to_proto"),
    ("flwr.common.serde", "message_from_proto"),
    ("flwr.common.serde", "message_to_proto"),
    ("flwr.common.serde", "metric_record_to_proto"),
    ("flwr.common.serde_utils", "error_to_proto"),
    ("flwr.common.serde_utils", "metadata_to_proto"),
    ("flwr.proto.message_pb2", "Message.SerializeToString"),
    ("flwr.supercore.run", "Run.create_empty"),
    ("flwr.supercore.task_identity", "TaskIdentity"),
]

VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.lists(st.binary(), min_size=1, max_size=3),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=3),
)
CONFIGS = st.dictionaries(st.text(), VALUES, max_size=4).map(ConfigRecord)
METRICS = st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=4).map(MetricRecord)
ARRAYS = st.dictionaries(
    st.text(),
    st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(lambda v: Array(np.array(v, np.float32))),
    max_size=3,
).map(ArrayRecord)
CONTENTS = st.dictionaries(st.text(), st.one_of(CONFIGS, METRICS, ARRAYS), max_size=4).map(RecordDict)


@pytest.fixture(autouse=True, scope="module")
def _server() -> None:
    private.become_server(1)


@pytest.mark.parametrize(("module", "name"), PRIVATE)
def test_private_names_of_flower_are_where_they_were(module: str, name: str) -> None:
    found: object = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    assert found is not None, (
        f"flwr {flwr.__version__} has no {module}.{name}: mend federation/flower/private.py, or pin flwr 1.41"
    )


def test_a_message_keeps_its_id_under_the_private_name_of_flower() -> None:
    message = Message(RecordDict(), private.node_of(0), "query")
    assert "_message_id" in message.metadata.__dict__
    private.assign_id(message, "abc")
    assert message.metadata.message_id == "abc"


@settings(derandomize=True, deadline=None, max_examples=100)
@given(content=CONTENTS)
def test_protobuf_form_of_any_content_is_the_one_flower_writes(content: RecordDict) -> None:
    message = Message(content, private.node_of(3), "train", group_id="7")
    without_id = len(message_to_proto(message).SerializeToString())
    assert private.wire_size(message) == without_id
    private.assign_id(message, "0" * 16)
    assert private.wire_size(message, with_id=False) == without_id
    expected = message_to_proto(message).SerializeToString()
    assert private.to_bytes(message) == expected
    assert private.wire_size(message) == len(expected)


@pytest.mark.parametrize("length", [0, 1, 90, 127, 128, 16_350, 16_384, 2_097_152, 3_000_000])
def test_a_long_blob_has_the_form_and_the_size_that_flower_writes(length: int) -> None:
    content = RecordDict({"r": ConfigRecord({"b": bytes(length), "n": 7})})
    message = Message(content, private.node_of(3), "train", group_id="7")
    expected = message_to_proto(message).SerializeToString()
    assert private.wire_size(message) == len(expected)
    assert private.to_bytes(message) == expected


@settings(derandomize=True, deadline=None)
@given(content=CONTENTS)
def test_from_bytes_inverts_to_bytes(content: RecordDict) -> None:
    message = Message(content, private.node_of(3), "train")
    back = private.from_bytes(bytearray(private.to_bytes(message)))
    assert back.content == content
    assert back.metadata == message.metadata


def test_error_replies_have_the_protobuf_form_of_flower() -> None:
    message = Message(RecordDict(), private.node_of(3), "train")
    reply = private.error_reply(message, private.LATE, "too slow")
    assert private.to_bytes(reply) == message_to_proto(reply).SerializeToString()
    assert private.from_bytes(private.to_bytes(reply)).error == reply.error


def test_node_ids_avoid_the_server_and_zero_and_give_back_the_client() -> None:
    nodes = [private.node_of(client) for client in range(100)]
    assert not {0, private.SUPERLINK_NODE_ID} & set(nodes)
    assert [private.client_of(node) for node in nodes] == list(range(100))
