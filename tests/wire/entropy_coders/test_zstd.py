import tracemalloc

import numpy as np
import pytest

from fedprune.wire.entropy_coders import zstd
from fedprune.wire.errors import CodecError
from fedprune.wire.quantizers import Alphabet


@pytest.mark.parametrize("levels", [3, 4, 6, 16, 256])
def test_values_like_a_bell_are_within_three_per_cent_of_their_entropy(levels: int) -> None:
    drawn = np.random.default_rng(0).normal(levels / 2, levels / 6, 100_000)
    run = np.clip(np.rint(drawn), 0, levels - 1).astype(np.uint8)
    counts = np.bincount(run)[np.unique(run)]
    data = zstd.encode([run], [Alphabet(100_000, levels)])
    assert len(data) <= 1.03 * float(counts @ np.log2(run.size / counts)) / 8


def test_a_frame_that_swells_is_stopped_at_the_size_expected() -> None:
    bomb = b"".join(
        (1 << 17 << 3 | 1 << 1 | place // 4999).to_bytes(3, "little") + b"\0" for place in range(5000)
    )
    assert len(bomb) == 20_000  # For 655 MB.
    tracemalloc.start()
    with pytest.raises(CodecError, match="more than 20000 bytes"):
        zstd.decode(bomb, [Alphabet(20_000, 256)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cut short"),
        (b"\x01\x00", "cut short"),
        (b"\x01\x00\x00", "fewer than 2 bytes"),
        (b"\x29\x00\x00abcde", "more than 2 bytes"),
        (b"\x11\x00\x00ab!", "a frame of 5 bytes, 6 are there"),
        (b"\x10\x00\x00ab", "cut short"),
        (b"\x17\x00\x00ab", "values: "),
        (b"\x11\x00\x00ab", "digits that are no symbols of 15 levels"),
        (b"\x11\x00\x00\x01\x0f", "digits that are no symbols of 15 levels"),
    ],
)
def test_malformed_frames_name_their_fault(data: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        zstd.decode(data, [Alphabet(3, 15)])
