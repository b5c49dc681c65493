"""Arrays as safetensors bytes with a checksum: read back bit for bit as written, or not at all."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fedprune.runs.files import RunError, explained
from fedprune.types import Arrays

DTYPES = frozenset({"bool", "float32", "float64", "int64", "uint8"})
_HEADER = "fedprune"
_CHECKSUM = "crc32"
_NAMES = "names"
"""safetensors sorts arrays by dtype and name; whoever sums over a dict depends on its order."""
_RESERVED = "__metadata__"


class DamagedError(ValueError):
    """The bytes are not what was written."""


def pack(arrays: Arrays) -> bytes:
    """Safetensors bytes of arrays of any shape (also 0-d and empty) whose dtype is in DTYPES.

    Raises ValueError for another dtype or a name that the format reserves.
    """
    plain: Arrays = {}
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES or name == _RESERVED:
            raise ValueError(
                f"array '{name}' of dtype {array.dtype} cannot be stored; dtypes: {sorted(DTYPES)}"
            )
        # safetensors copies raw memory: it would write a transposed or strided view scrambled.
        plain[name] = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    header = {_CHECKSUM: _checksum(plain), _NAMES: list(plain)}
    # One entry: safetensors writes several in an order that differs from process to process.
    return save(plain, metadata={_HEADER: json.dumps(header)})


def unpack(data: bytes) -> Arrays:
    """The arrays of ``pack``, writable, in the order they were given.

    Raises DamagedError when safetensors refuses the bytes, or when the checksum is not that of the content.
    """
    try:
        unordered: Arrays = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])[_RESERVED]
        header = json.loads(metadata[_HEADER])
        arrays = {name: unordered[name] for name in header[_NAMES]}
        intact = len(arrays) == len(unordered) and header[_CHECKSUM] == _checksum(arrays)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"not a complete safetensors file: {error}") from error
    if not intact:
        raise DamagedError("the checksum does not match the content")
    return arrays


def _checksum(arrays: Arrays) -> str:
    """CRC-32 over names, dtypes, shapes and bytes, in the given order."""
    value = 0
    for name, array in arrays.items():
        value = zlib.crc32(f"{name}/{array.dtype.name}/{array.shape}/".encode(), value)
        value = zlib.crc32(array.reshape(-1).view(np.uint8).data, value)
    return f"{value:08x}"


def read_arrays(path: Path) -> Arrays:
    """Read the arrays of a file that ``pack`` made. Raises RunError when it is missing or damaged."""
    with explained("read", path):
        data = path.read_bytes()
    try:
        return unpack(data)
    except DamagedError as error:
        raise RunError(f"cannot read {path}: {error}; the file is damaged") from error
