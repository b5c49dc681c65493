import numpy as np

from fedprune.wire.value_codecs import fp32


def test_values_travel_little_endian() -> None:
    assert fp32.encode(np.array([1.0, -2.0], np.float32)).hex() == "0000803f000000c0"
    assert fp32.decode(bytes.fromhex("0000803f"), 1).tolist() == [1.0]
