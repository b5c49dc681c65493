"""Samples that stay on a device: within their limit, the longest unused going first, none on the CPU."""

from __future__ import annotations

import pytest
import torch

from fedprune.compute.resident import Resident, Samples, room_for_samples


class Source:
    """Samples of a client on the meta device, and how often each client's were read."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def of(self, client: int, count: int = 10) -> Samples:
        """``count`` samples of 4 float32 and a label of int64: 24 bytes each."""
        self.read.append(client)
        return torch.empty((count, 4), device="meta"), torch.empty(count, dtype=torch.int64, device="meta")


def ask(kept: Resident, source: Source, *clients: int) -> None:
    for client in clients:
        kept.get(client, lambda client=client: source.of(client))  # type: ignore[misc]


def test_what_fits_is_read_once() -> None:
    kept, source = Resident(limit=2 * 240), Source()
    ask(kept, source, 0, 1, 0, 1, 0)
    assert source.read == [0, 1]
    assert kept.get(0, lambda: source.of(0)) is kept.get(0, lambda: source.of(0))


def test_the_longest_unused_goes_first_when_another_does_not_fit() -> None:
    kept, source = Resident(limit=2 * 240), Source()
    ask(kept, source, 0, 1, 0, 2, 0, 1)
    assert source.read == [0, 1, 2, 1]


def test_what_exceeds_the_limit_alone_is_not_kept_and_displaces_nothing() -> None:
    kept, source = Resident(limit=240), Source()
    ask(kept, source, 0)
    kept.get(1, lambda: source.of(1, count=11))
    kept.get(1, lambda: source.of(1, count=11))
    ask(kept, source, 0)
    assert source.read == [0, 1, 1]


def test_nothing_stays_on_the_cpu() -> None:
    assert room_for_samples(torch.device("cpu")) == 0


def test_a_share_of_a_gpu_is_for_samples() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    free, _ = torch.cuda.mem_get_info()
    assert 0 < room_for_samples(torch.device("cuda:0")) <= free // 4
