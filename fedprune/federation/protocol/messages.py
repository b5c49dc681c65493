"""What travels between server and client: an order down, a report up, each one blob with its payload's
parts."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from fedprune.federation.protocol.personal import PersonalScore
from fedprune.types import Shapes, shortened
from fedprune.wire import codec
from fedprune.wire.errors import CodecError
from fedprune.wire.frame import pack, unpack
from fedprune.wire.header import decode_head, encode_head

HEAD_LIMIT = 1 << 20
BLOB_LIMIT = 1 << 31
SHARED = "shared"
"""The part of an order with the masks that all clients have in common after the last round."""
PARTS = ("head", "floor", SHARED, *codec.PARTS)
_FLOOR = struct.Struct("<Q")

# Bounds that keep sums over clients finite: a reply is anybody's, and its numbers must not end a run.
Count = Annotated[int, Field(ge=0, lt=2**63)]
Loss = Annotated[float, Field(ge=0, le=1e38)]
Scored = Annotated[float, Field(ge=-1e38, le=1e38)]

Phase = Literal["train", "final", "personalize"]
"""``train``: a round; ``final``: the evaluation at the end, of which nothing is kept; ``personalize``: what
each client makes of its model after that."""


@dataclass(frozen=True)
class Order:
    """The head of a message to a client: all it needs beside the payload, so that any engine can carry it."""

    phase: Phase
    round: int
    client: int
    version: int
    """The client's last version of its memory that the server accepted; 0 for none."""
    floor: int
    """The oldest round that a retained checkpoint can resume from: older versions of the state may go.

    It depends on when a run was interrupted, which must not move a byte count: it travels in a part of its
    own, of fixed length.
    """
    evaluate: bool
    """Whether to report the score on test data this round."""
    settings: dict[str, Any]
    """``Scenario.client_settings()``."""
    run: str
    """Names the run; clients keep its state under that name."""
    validation: bool = False
    """Whether to report the score on validation data."""
    counts_work: bool = False
    """Whether to report the multiply-adds of the round."""
    personalize: dict[str, Any] = field(default_factory=dict)
    """The keys of [personalize] where that is what the order asks for."""


@dataclass(frozen=True)
class Report:
    """The head of a client's reply; scores are the task's, named as in ``runs/metrics.py``."""

    round: Count
    client: Count
    samples: Count
    kept: bool
    """Whether the client wrote a version of its state for this round."""
    multiply_adds: Count
    parameters: Count
    alive: list[Count] | None = None
    """Kept coordinates of each prunable parameter, in order, where the mask that travels does not tell."""
    training_multiply_adds: Count | None = None
    """Multiply-adds of all that the client computed in the round; None unless it was asked to count them."""
    train_loss: Loss | None = None
    gate_score: Scored | None = None
    validation_score: Scored | None = None
    test_score_before: Scored | None = None
    test_score_after: Scored | None = None
    test_score_personal: Scored | None = None
    personal: list[PersonalScore] | None = None
    """The client's models where it was asked to personalize its own."""


Head = TypeVar("Head", Order, Report)

# Making one takes longer than reading a message does.
_TYPED: dict[type, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (Order, Report)}
_FIELDS = {kind: {item.name: item.default for item in dataclasses.fields(kind)} for kind in (Order, Report)}
"""Of each kind of head: field -> its default."""


def reply_limit(expected: Shapes) -> int:
    """Bytes that a client's reply can have at most, on the wire, when it carries these arrays.

    No codec needs more for a coordinate than its value and its place in eight bytes each, nor more for an
    array's own needs than a page.
    """
    coordinates = sum(math.prod(shape) for shape in expected.values())
    return 2 * HEAD_LIMIT + 4096 * len(expected) + 16 * coordinates


def write(head: Order | Report, parts: Mapping[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
    """The blob, and the parts in it for accounting; fields at their defaults do not travel."""
    fields = ((name, default, getattr(head, name)) for name, default in _FIELDS[type(head)].items())
    short = {name: value for name, default, value in fields if value != default and value != {}}
    if isinstance(head, Report) and head.personal is not None:
        short["personal"] = [dataclasses.asdict(score) for score in head.personal]
    fixed = {"floor": _FLOOR.pack(short.pop("floor"))} if "floor" in short else {}
    whole = {"head": encode_head(short), **fixed, **parts}
    return pack(whole), whole


def read(kind: type[Head], blob: bytes, limit: int = BLOB_LIMIT) -> tuple[Head, dict[str, memoryview]]:
    """The head and the payload's parts; ``limit`` is the most bytes that the blob may have.

    Raises CodecError on anything that is not such a message.
    """
    parts = unpack(blob, PARTS, limit)
    if "head" not in parts:
        raise CodecError("message without a head")
    values = decode_head(parts.pop("head"), HEAD_LIMIT)
    if "floor" in parts:
        if len(parts["floor"]) != _FLOOR.size:
            raise CodecError(f"message floor: {len(parts['floor'])} bytes, not {_FLOOR.size}")
        (values["floor"],) = _FLOOR.unpack(parts.pop("floor"))
    return _typed(kind, values), parts


def _typed(kind: type[Head], values: Mapping[str, Any]) -> Head:
    # What nobody reads must not travel. Not left to pydantic, which would describe each of a million keys.
    if (strange := next((key for key in values if key not in _FIELDS[kind]), None)) is not None:
        raise CodecError(f"message head: nobody reads {shortened(strange, 80)!r}")
    try:
        head: Head = _TYPED[kind].validate_python(dict(values), strict=False)
    except ValidationError as error:
        raise CodecError(f"message head: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
    return head
