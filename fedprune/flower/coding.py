"""A codec for the arrays of a Flower app's replies: floats as one blob, against those of the order.

Both sides take names, shapes and the held values from the order, never from bytes: an array goes through the
codec when the order has a float array of that name in the record of that name. All else travels as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from fedprune.flower.order import Order
from fedprune.types import UserError
from fedprune.wire.errors import CodecError

if TYPE_CHECKING:
    from fedprune.library import Codec

RECORD = "fedprune-coded"
"""The record of settings in which coded arrays travel: name of an ArrayRecord -> blob."""


def blobs(content: RecordDict) -> dict[str, bytes]:
    """The coded arrays of a reply, by the name of their record."""
    record = content.config_records.get(RECORD, ConfigRecord())
    return {key: blob for key, blob in record.items() if isinstance(blob, bytes)}


def encode(codec: Codec, order: Order, content: RecordDict) -> RecordDict:
    """A reply's content with its arrays coded.

    Raises UserError for a record without a float array that the order's has, or with one of another shape,
    and ValueError for values that are not finite.
    """
    coded: dict[str, bytes] = {}
    records = dict(content.items())
    for key in order.arrays:
        held, record = order.floats(key), content.array_records.get(key)
        if record is None or not held:
            continue
        _require(held, record, f"reply, record '{key}'")
        arrays = {name: record[name].numpy() for name in held}
        coded[key] = codec.encode(arrays, held=_numpy(held), seed=_seed(order))
        records[key] = ArrayRecord({name: array for name, array in record.items() if name not in held})
    return RecordDict({**records, RECORD: ConfigRecord(dict(coded))} if coded else records)


def decode(codec: Codec, order: Order, content: RecordDict) -> RecordDict:
    """Inverse of ``encode``, arrays in the order's dtypes.

    Raises CodecError for a record that is not coded, and for blobs that are not what the order calls for.
    """
    coded, records = blobs(content), dict(content.items())
    records.pop(RECORD, None)
    for key, sent in order.arrays.items():
        held, record = order.floats(key), content.array_records.get(key)
        if record is None or not held:
            continue
        if key not in coded:
            raise CodecError(f"record '{key}' came uncoded: give its ClientApp mods=[BytesMod(codec)]")
        shapes = {name: tuple(array.shape) for name, array in held.items()}
        arrays, _ = codec.decode(coded[key], shapes, held=_numpy(held), seed=_seed(order))
        both = {**record, **{name: Array(arrays[name].astype(held[name].dtype)) for name in held}}
        # In the order's order, which apps that read a record as a list rely on.
        names = dict.fromkeys([*sent, *both])
        records[key] = ArrayRecord({name: both[name] for name in names if name in both})
    return RecordDict(records)


def _require(held: Mapping[str, Array], record: ArrayRecord, where: str) -> None:
    for name, array in held.items():
        if name not in record or tuple(record[name].shape) != tuple(array.shape):
            found = f"has shape {tuple(record[name].shape)}" if name in record else "is missing"
            raise UserError(
                f"{where}: '{name}' {found}, its order had it in shape {tuple(array.shape)}; a codec needs "
                "the order's arrays in the reply: send only what comes back, or leave the codec out"
            )


def _numpy(arrays: Mapping[str, Array]) -> dict[str, object]:
    return {name: array.numpy() for name, array in arrays.items()}


def _seed(order: Order) -> int:
    """The key of a reply's random numbers, which both sides know: its round and its client."""
    return zlib.crc32(f"{order.round}/{order.node}".encode())
