"""Messages made to cost a receiver memory or time; as a program, what each of them costs."""

from __future__ import annotations

import json
import re
import time
import zlib
from pathlib import Path

import numpy as np
import zstandard

from fedprune.wire.errors import CodecError
from fedprune.wire.varint import encode_varint

from .hostile import Message, entry, framed, messages

MIB = 1 << 20
LONG = 24 * MIB
HUGE = encode_varint(2**62)


def _deflated(piece: bytes, times: int) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b"z" + b"".join(deflater.compress(piece) for _ in range(times)) + deflater.flush()


def _frames() -> dict[str, bytes]:
    """Frames that lie about their parts."""
    many = b"".join(entry(f"part{number}", 0) for number in range(255))
    return {
        "a part of 4 EiB": framed(entry("values", 2**62)),
        "a part of 2 GiB": framed(entry("values", 2**31)),
        "lengths that overflow": framed(entry("values", 2**63 - 1) + entry("mask", 2**63 - 1), b"", 2),
        "255 unknown parts": framed(many, b"", 255),
        "255 parts, none there": framed(b"", b"", 255),
        "a part repeated": framed(entry("mask", 0) * 255, b"", 255),
        "an endless varint": framed(b"\4mask" + b"\xff" * LONG),
        "a padded varint": framed(b"\4mask" + b"\x80" * 8 + b"\0"),
        "a name cut short": framed(b"\xffmask"),
        "an empty name": framed(entry("", 0)),
        "no head": framed(entry("values", LONG), bytes(LONG)),
        "a long floor": framed(entry("head", 2) + entry("floor", LONG), b"{}" + bytes(LONG), 2),
    }


def _heads() -> dict[str, bytes]:
    """Heads that swell, nest or go on."""
    million = 1_000_000
    return {
        "a head that inflates to 128 MiB of zeros": _deflated(bytes(MIB), 128),
        "a head that inflates to 128 MiB of spaces": _deflated(b" " * MIB, 128),
        "a head of noise": b"z" + np.random.default_rng(0).bytes(LONG),
        "a head of empty deflate blocks": b"z" + b"\0\0\0\xff\xff" * (LONG // 5),
        "a long plain head": b"{" + b" " * LONG,
        "deep lists": b"[" * million,
        "deep objects": b'{"a":' * (million // 5),
        "deep settings": b'{"settings":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        "a long integer": b'{"round":' + b"1" * million + b"}",
        "a long fraction": b'{"round":0.' + b"1" * million + b"}",
        "a huge exponent": b'{"round":1e' + b"9" * million + b"}",
        "many keys": json.dumps({str(number): 0 for number in range(80_000)}).encode(),
        "a long list": b'{"alive":[' + b"0," * 400_000 + b"0]}",
        "lone surrogates": b'{"run":"' + b"\\ud800" * 150_000 + b'"}',
        "a long name of a run": b'{"run":"' + b"x" * million + b'"}',
    }


def _masks() -> dict[tuple[str, str], bytes]:
    """Masks with counts beyond sizes, or with more behind them; the first of each pair is the coding."""
    words = b"\xff" * LONG
    return {
        ("entropy", "counts beyond the sizes"): HUGE * 4,
        ("entropy", "counts without bits"): b"\x01" * 4,
        ("entropy", "words without end"): b"\x01" * 4 + words,
        ("context", "rows beyond the shape"): b"\x01" + HUGE + b"\x01" + HUGE,
        ("context", "all flags at once"): b"\x3f" * 64,
        ("context", "a curve that is steeper than any"): b"\x10\x80" + HUGE * 3,
        ("context", "words without end"): b"\0\0" + words,
        ("change", "a revived multitude"): b"\x01" + words,
        ("bitmap", "a multitude"): words,
    }


def _values() -> dict[tuple[str, str], bytes]:
    """Values that declare or decode to more than there can be; the first of each pair is the coder."""
    zeros = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(128 * MIB))
    unary = encode_varint(2**40)
    one = b"\x02" + b"\0"
    return {
        ("ans", "a model for a multitude of runs"): HUGE,
        ("ans", "a histogram of a terabyte"): one + b"\0" + unary,
        ("ans", "a histogram all of ones"): one + b"\0" + encode_varint(900) + b"\xff" * 900,
        ("ans", "the widest remainders"): one + b"\x20" + b"\x20" + b"\0" * 32 + b"\xff" * 2048,
        ("ans", "words without end"): b"\x02\x08" + b"\xff" * LONG,
        ("ans", "nothing but a model"): b"\x02\x08",
        ("zstd", "one byte, repeated to a gigabyte"): b"\x02\x00\x10\x00" * 8192 + b"\x03\x00\x10\x00",
        ("zstd", "one byte, repeated to 5 MiB"): b"\x02\x00\x10\x00" * 40 + b"\x03\x00\x10\x00",
        ("zstd", "128 MiB of zeros"): zeros[6:],
        ("zstd", "a block of 2 MiB"): b"\xfd\xff\xff" + bytes(64),
        ("zstd", "blocks of nothing"): bytes(LONG - LONG % 3) + b"\x01\0\0",
        ("none", "a multitude"): bytes(LONG),
    }


def bombs() -> list[tuple[str, Message, bytes]]:
    """What it is, whom it hits, and the message."""
    targets = messages()
    reply = targets["bitmap bf16 ans reply"]
    found = [(name, reply, blob) for name, blob in _frames().items()]
    found += [(name, reply, _with(reply, "head", head)) for name, head in _heads().items()]
    for (coding, name), part in _masks().items():
        for kind in ("mask", "chosen"):
            target = targets[f"{coding} sparse reply"]
            found.append((f"{coding} {kind}: {name}", target, _with(target, kind, part)))
    for (coder, name), part in _values().items():
        target = next(message for message in targets.values() if _fits(message, coder))
        found.append((f"{coder}: {name}", target, _with(target, "values", part)))
    for kind in ("side", "dense"):
        found.append((f"a long {kind} part", reply, _with(reply, kind, bytes(LONG))))
    return found


def _fits(message: Message, coder: str) -> bool:
    kind = type(message.pipeline.quantizer).__name__
    return message.pipeline.entropy == coder and kind == "Uniform" and "mask" in message.parts


def _with(message: Message, name: str, part: bytes) -> bytes:
    parts = {**message.parts, name: part}
    table = b"".join(entry(key, len(value)) for key, value in parts.items())
    return framed(table, b"".join(parts.values()), len(parts))


def _peak() -> int:
    """The most memory that this process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


def main() -> None:
    """A JSON line for each bomb: name, why it was refused, extra bytes, seconds."""
    for message in messages().values():
        message.receive(message.blob)
    for name, message, blob in bombs():
        # From here on the peak is that of this bomb alone.
        Path("/proc/self/clear_refs").write_text("5")
        before, start, refused = _peak(), time.process_time(), ""
        try:
            message.receive(blob)
        except CodecError as error:
            refused = str(error)
        seconds = time.process_time() - start
        print(json.dumps([name, refused, _peak() - before, seconds]))


if __name__ == "__main__":
    main()
