"""Our step of SGD against torch.optim.SGD's over one flat parameter, in turns, on one torch thread.

Run ``python tests/benchmarks/bench_optimizer.py`` after ``pip install -e .``. Where the ratio nears 1, ours
has no reason left.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from fedprune.compute.optimizers.sgd import SGD

COUNT = 62_016
"""Numbers in the flat buffer of LeNet-5 for CIFAR-10."""
LR, MOMENTUM = 0.01, 0.5
REPEATS, STEPS = 30, 200


def ours(parameters: torch.Tensor, gradient: torch.Tensor) -> Callable[[], object]:
    """What takes one of our steps."""
    descent = SGD(MOMENTUM).on(parameters, gradient)
    return lambda: descent.step(LR)


def torchs(parameters: torch.Tensor, gradient: torch.Tensor) -> Callable[[], object]:
    """What takes one of torch's, fused."""
    parameter = torch.nn.Parameter(parameters)
    parameter.grad = gradient
    return torch.optim.SGD([parameter], LR, momentum=MOMENTUM, fused=True).step


def microseconds(step: Callable[[], object]) -> float:
    """Of one step, the mean over many."""
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    return 1e6 * (time.perf_counter() - start) / STEPS


def main() -> None:
    """Print the medians of both and of their ratio, and whether they gave the same bits."""
    torch.set_num_threads(1)
    source = torch.Generator().manual_seed(0)
    start, gradient = torch.randn(2, COUNT, generator=source)
    moved = [start.clone(), start.clone()]
    steps = [make(own, gradient.clone()) for make, own in zip((ours, torchs), moved, strict=True)]
    times = [[microseconds(step) for step in steps] for _ in range(REPEATS)]
    mine, theirs = (statistics.median(each) for each in zip(*times, strict=True))
    ratio = statistics.median(second / first for first, second in times)
    same = "equal" if torch.equal(*moved) else "other"
    print(f"ours {mine:.0f} us, torch's {theirs:.0f} us a step, ratio {ratio:.2f}; {same} bits")


if __name__ == "__main__":
    main()
