"""Decoding the images and labels of one split of a known set."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fedprune.data.columns import extra_columns, find_column
from fedprune.data.errors import DataError, one_line
from fedprune.data.schema import Samples
from fedprune.types import Array

if TYPE_CHECKING:
    from fedprune.data.declared import HubSet

MOST_PIXELS = 2**24
"""In an image whose size nothing else says."""


def decode_images(where: str, table: Any, declared: HubSet) -> Samples:
    """The samples of a ``datasets.Dataset`` of encoded images: uint8 (N, C, H, W), labels int64 (N,).

    Raises DataError when a column is missing, a label is out of range or a cell holds no image.
    """
    import datasets

    image = find_column(where, declared.x, table.column_names)
    label = find_column(where, declared.y, table.column_names)
    columns = extra_columns(where, declared, table)
    y = np.asarray(table.with_format("numpy")[label][:], dtype=np.int64)
    classes = declared.targets.classes or 0
    if len(y) == 0 or y.min() < 0 or y.max() >= classes:
        raise DataError(f"{where}: column '{label}' must hold labels 0..{classes - 1}")
    encoded = table.select_columns([image]).cast_column(image, datasets.Image(decode=False))
    cells = (cell["bytes"] for batch in encoded.iter(1000) for cell in batch[image])
    return Samples(decoded(where, numbered(cells), len(y), declared.features.shape), y, columns)


def numbered(cells: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Each cell of a column with the name of its row, for ``decoded``."""
    return ((f"row {position}", data) for position, data in enumerate(cells))


def decoded(
    where: str, images: Iterable[tuple[str, bytes]], count: int, shape: tuple[int, ...] | None = None
) -> Array:
    """``count`` encoded images as uint8 (count, C, H, W), all of one shape: ``shape``, else the first's.

    ``images`` are pairs of what messages call an image, and its bytes. Raises DataError for what is no
    image, or one of another size.
    """
    x: Array | None = None if shape is None else np.empty((count, *shape), np.uint8)
    for position, (name, data) in enumerate(images):
        pixels = _pixels(f"{where}: {name}", data, None if x is None else x.shape[1:])
        if x is None:
            x = np.empty((count, *pixels.shape), np.uint8)
        x[position] = pixels
    if x is None:
        raise DataError(f"{where}: there are no images")
    return x


def _pixels(where: str, data: bytes, shape: tuple[int, ...] | None) -> Array:
    """One image, uint8 (C, H, W); gray where ``shape`` has one channel, or where it is so itself."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            channels = shape[0] if shape else 1 if image.mode in ("1", "L") else 3
            found = (channels, image.height, image.width)
            # Before it is decoded: a few bytes can say that they are a picture of gigabytes.
            if shape is None and image.height * image.width > MOST_PIXELS:
                raise DataError(f"{where} is {found}; images of more than {MOST_PIXELS} pixels are refused")
            if shape is not None and found != shape:
                raise DataError(
                    f"{where} is {found} but the set's images are {shape}; resize them to one size"
                )
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (UnidentifiedImageError, OSError, TypeError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} holds no image ({one_line(error)})") from error
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
