"""Tiny image sets as Parquet files in the hub's schema."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image

from fedprune.types import Array


def write_images(path: Path, images: Array, image: str = "image", **columns: list[int] | list[str]) -> None:
    """One Parquet file of PNG images, uint8 (N, H, W) or (N, H, W, 3), and further columns of length N."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"bytes": _png(pixels), "path": None} for pixels in images]
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    table = pyarrow.table({image: pyarrow.array(cells, kind), **columns})
    pyarrow.parquet.write_table(table, path)


def random_images(count: int, *shape: int) -> Array:
    """uint8 noise (count, *shape), the same at every call."""
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def _png(pixels: Array) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def write_plays(path: Path, roles: dict[str, str], length: int = 80) -> None:
    """One Parquet file in the schema of flwrlabs/shakespeare: every window of each role's lines, in order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        (role, lines[start : start + length], lines[start + length])
        for role, lines in roles.items()
        for start in range(len(lines) - length)
    ]
    names, windows, following = zip(*rows, strict=True)
    table = pyarrow.table({"character_id": list(names), "x": list(windows), "y": list(following)})
    pyarrow.parquet.write_table(table, path)
