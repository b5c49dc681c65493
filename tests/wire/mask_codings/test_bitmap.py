import tracemalloc

import numpy as np
import pytest

from fedprune.pruning.mask import Mask
from fedprune.wire.errors import CodecError
from fedprune.wire.mask_codings import bitmap


def test_a_bitmap_costs_one_bit_a_coordinate() -> None:
    mask = Mask({"a": np.ones((3, 5), np.bool_), "b": np.zeros(2, np.bool_)})
    assert bitmap.encode(mask, None) == b"\xff\x7f\x00"


def test_bits_beyond_the_last_coordinate_must_be_zero() -> None:
    with pytest.raises(CodecError, match="beyond the last coordinate"):
        bitmap.decode(b"\x20", {"a": (5,)}, None)


def test_missing_bytes_are_noticed_before_anything_is_allocated() -> None:
    tracemalloc.start()
    with pytest.raises(CodecError, match="1 bytes for 10000000000000 bits"):
        bitmap.decode(b"\x00", {"a": (10**13,)}, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000
