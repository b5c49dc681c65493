"""Arrays as safetensors bytes with a checksum and what they are: read back bit for bit as written, or not at
all."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from fedprune.runs.files import RunError, explained, read_file
from fedprune.types import Arrays

DTYPES = frozenset({"bool", "float32", "float64", "int64", "uint8"})
_HEADER = "fedprune"
_CHECKSUM = "crc32"
_ABOUT = "about"
_NAMES = "names"
"""safetensors sorts arrays by dtype and name; whoever sums over a dict depends on its order."""
_RESERVED = "__metadata__"


About = Mapping[str, str | int]
"""What a file's arrays are, by keys such as ``run``, ``client`` and ``round``, whatever its name says."""


class DamagedError(ValueError):
    """The bytes are not what was written."""


def pack(arrays: Arrays, about: About | None = None) -> bytes:
    """Safetensors bytes of arrays of any shape (also 0-d and empty) whose dtype is in DTYPES.

    ``about`` says inside what they are. Raises ValueError for another dtype or a name that the format
    reserves.
    """
    plain: Arrays = {}
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES or name == _RESERVED:
            raise ValueError(
                f"array '{name}' of dtype {array.dtype} cannot be stored; dtypes: {sorted(DTYPES)}"
            )
        # safetensors copies raw memory: it would write a transposed or strided view scrambled.
        plain[name] = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    header: dict[str, Any] = {_CHECKSUM: _checksum(plain, about), _NAMES: list(plain)}
    if about:
        header[_ABOUT] = dict(about)
    # One entry: safetensors writes several in an order that differs from process to process.
    return save(plain, metadata={_HEADER: json.dumps(header)})


def unpack(data: bytes, about: About | None = None) -> Arrays:
    """The arrays of ``pack``, writable, in the order they were given.

    Raises DamagedError when safetensors refuses the bytes, when the checksum is not that of the content, or
    when they say that they are something else than ``about``. What is unsaid passes: earlier versions of
    fedprune wrote no ``about``.
    """
    try:
        unordered: Arrays = load(data)
        metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])[_RESERVED]
        header = json.loads(metadata[_HEADER])
        arrays = {name: unordered[name] for name in header[_NAMES]}
        said = header.get(_ABOUT)
        intact = len(arrays) == len(unordered) and header[_CHECKSUM] == _checksum(arrays, said)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"not a complete safetensors file: {error}") from error
    if not intact:
        raise DamagedError("the checksum does not match the content")
    if about and said and said != about:
        raise DamagedError(f"it says that it is {_called(said)}, not {_called(about)}")
    return arrays


def _called(about: About) -> str:
    return ", ".join(f"{key} {value}" for key, value in about.items())


def _checksum(arrays: Arrays, about: About | None) -> str:
    """CRC-32 over what the arrays are and their names, dtypes, shapes and bytes, in the given order."""
    value = zlib.crc32(json.dumps(about, sort_keys=True).encode()) if about else 0
    for name, array in arrays.items():
        value = zlib.crc32(f"{name}/{array.dtype.name}/{array.shape}/".encode(), value)
        value = zlib.crc32(array.reshape(-1).view(np.uint8).data, value)
    return f"{value:08x}"


def read_arrays(path: Path, about: About | None = None) -> Arrays:
    """Read the arrays of a file that ``pack`` made of ``about``. Raises RunError when it is missing or
    damaged."""
    with explained("read", path):
        data = read_file(path)
    try:
        return unpack(data, about)
    except DamagedError as error:
        raise RunError(f"cannot read {path}: {error}; the file is damaged") from error
