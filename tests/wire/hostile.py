"""Real orders and replies through several pipelines, the way a receiver reads them, and what may arrive
instead."""

from __future__ import annotations

import functools
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from fedprune import plugins
from fedprune.federation.protocol.messages import Order, Report, read, write
from fedprune.pruning.mask import Mask
from fedprune.types import Shapes
from fedprune.wire.codec import Decoded, Reference, decode_payload, encode_payload
from fedprune.wire.errors import CodecError
from fedprune.wire.frame import unpack
from fedprune.wire.pipeline import Keys, Pipeline
from fedprune.wire.varint import encode_varint

SHAPES: Shapes = {"conv.weight": (6, 3, 3, 3), "fc.weight": (10, 20), "fc.bias": (10,)}
MASKABLE: Shapes = {name: SHAPES[name] for name in ("conv.weight", "fc.weight")}
ORDER = Order("train", 3, 7, 2, 1, True, {"train": {"lr": 0.1, "epochs": 5}}, "a-run")
REPORT = Report(3, 7, 40, True, 1000, 500, [100, 60], train_loss=0.5, test_score_before=0.25)


@dataclass(frozen=True)
class Message:
    """One whole message and what its receiver knows."""

    blob: bytes
    head: Order | Report
    reference: Reference
    pipeline: Pipeline
    keys: Keys

    def receive(self, blob: bytes) -> Decoded:
        """What a receiver that expects this message makes of ``blob``."""
        _, parts = read(type(self.head), blob)
        return self.decode(parts)

    def decode(self, parts: dict[str, memoryview]) -> Decoded:
        travels = "mask" in parts
        return decode_payload(parts, SHAPES, self.reference, MASKABLE, travels, self.pipeline, self.keys)

    @functools.cached_property
    def parts(self) -> dict[str, bytes]:
        """All parts of the frame, the head included."""
        names = {"head", "floor", "mask", "chosen", "values", "side", "dense"}
        return {name: bytes(part) for name, part in unpack(self.blob, names, 1 << 20).items()}


def pipelines() -> dict[str, Pipeline]:
    """Every stage at least once, alone and with all that goes with it."""
    found = {}
    codings, coders = plugins.names("mask_codings"), plugins.names("entropy_coders")
    for place, name in enumerate(plugins.names("quantizers")):
        quantizer = plugins.dataclass_of("quantizers", name)()
        for shift, coder in enumerate(coders):
            coding = codings[(place + shift) % len(codings)]
            found[f"{coding} {name} {coder}"] = Pipeline(coding, quantizer, coder)
    for coding in codings:
        found[f"{coding} sparse"] = Pipeline(coding, entropy="ans", base="tracked", sparsify=0.3)
    return found


def messages() -> dict[str, Message]:
    """An order and a reply through each pipeline; every other one carries a mask."""
    found = {}
    rng = np.random.default_rng(0)
    for name, pipeline in pipelines().items():
        for place, head in enumerate((ORDER, REPORT)):
            arrays, held, tracked = (
                {key: rng.standard_normal(shape).astype(np.float32) for key, shape in SHAPES.items()}
                for _ in range(3)
            )
            known, mask = (
                Mask({key: rng.random(shape) < share for key, shape in MASKABLE.items()})
                for share in (0.7, 0.4)
            )
            reference = Reference(known, held, {key: tracked[key] for key in MASKABLE})
            keys = Keys(0, "up" if place else "down", 3, 7)
            travelling = mask if place or len(found) % 4 == 0 else None
            parts = encode_payload(arrays, travelling, reference, pipeline, keys).parts
            blob, _ = write(head, parts)
            found[f"{name} {'reply' if place else 'order'}"] = Message(blob, head, reference, pipeline, keys)
    return found


def framed(table: bytes, body: bytes = b"", count: int = 1) -> bytes:
    """A frame with a right checksum, whatever the rest says."""
    fixed = b"FPRN" + bytes([1, count])
    rest = table + body
    return fixed + struct.pack("<I", zlib.crc32(rest, zlib.crc32(fixed))) + rest


def entry(name: str, length: int) -> bytes:
    """A line of a frame's table."""
    return bytes([len(name)]) + name.encode() + encode_varint(length)


def resealed(blob: bytes) -> bytes:
    """``blob`` with the checksum that fits: what the checksum alone would keep out gets in."""
    if len(blob) < 10:
        return blob
    return blob[:6] + struct.pack("<I", zlib.crc32(blob[10:], zlib.crc32(blob[:6]))) + blob[10:]


def mutated(blob: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Flips, other bytes, a truncation, a splice with another message, or noise."""
    data, kind = bytearray(blob), int(rng.integers(7))
    if kind == 0:
        for bit in rng.integers(0, 8 * len(data), int(rng.integers(1, 9))).tolist():
            data[bit // 8] ^= 1 << bit % 8
    elif kind == 1:
        for place in rng.integers(0, len(data), int(rng.integers(1, 9))).tolist():
            data[place] = int(rng.integers(256))
    elif kind == 2:
        del data[int(rng.integers(len(data))) :]
    elif kind == 3:
        start, stop = sorted(rng.integers(0, len(data) + 1, 2).tolist())
        begin, end = sorted(rng.integers(0, len(other) + 1, 2).tolist())
        data[start:stop] = other[begin:end]
    elif kind == 4:
        start = int(rng.integers(len(data)))
        stop = min(len(data), start + int(rng.integers(1, 33)))
        data[start:stop] = rng.bytes(int(rng.integers(33)))
    elif kind == 5:
        start = int(rng.integers(len(data)))
        data[start:] = rng.bytes(len(data) - start)
    else:
        data = bytearray(rng.bytes(int(rng.integers(200))))
    return bytes(data)


def attack(message: Message, other: Message, rng: np.random.Generator) -> bool:
    """One mutated frame, or one mutated part in a frame that fits it; whether it was taken for a message.

    Whatever is not refused by a CodecError is raised, and AssertionError for a message that cannot be.
    """
    way = int(rng.integers(4))
    if way == 0:
        blob = mutated(message.blob, other.blob, rng)
    elif way == 1:
        blob = resealed(mutated(message.blob, other.blob, rng))
    else:
        # A part changed in a frame that is whole gets further than any change of the frame.
        parts = message.parts
        name = sorted(parts)[int(rng.integers(len(parts)))]
        source = other.parts.get(name, other.blob)
        parts = {**parts, name: mutated(parts[name], source, rng)}
        table = b"".join(entry(key, len(part)) for key, part in parts.items())
        blob = framed(table, b"".join(parts.values()), len(parts))
    try:
        decoded = message.receive(blob)
    except CodecError:
        return False
    assert {name: value.shape for name, value in decoded.arrays.items()} == dict(SHAPES)
    assert all(np.isfinite(value).all() for value in (decoded.arrays | decoded.tracked).values())
    assert all(kept.shape == SHAPES[name] for name, kept in decoded.mask.items())
    return True
