"""A local training step of a shrunk model against one of the dense model, in pairs, on one torch thread.

Run ``python tests/benchmarks/bench_step.py`` after ``pip install -e .``. The goal: with half the channels of
ResNet-20 gone a step is at least 1.5 times as fast, as the median over pairs, at batches of 10 and of 32.
Images are noise in CIFAR-10's shape, since what is on them takes no time.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch

from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.request import Step
from fedprune.models import Architecture, architecture
from fedprune.pruning.cost import cost_under
from fedprune.pruning.groups import channel_mask
from fedprune.pruning.mask import Mask
from fedprune.pruning.select import share_of
from fedprune.seeds import generator
from fedprune.tasks.classification import Classification

SHAPE = (3, 32, 32)
GOAL = 1.5


def without_channels(made: Architecture, share: float) -> Mask:
    """A mask that removes that share of the channels of every convolution, the last ones."""
    mask = Mask()
    for group in made.channels("conv"):
        alive = np.arange(group.size) < group.size - share_of(share, group.size)
        mask = channel_mask(group, alive, mask, made.shapes)
    return mask


class Stopwatch:
    """Times steps of one model over always the same batches."""

    def __init__(self, made: Architecture, mask: Mask, batch: int, steps: int) -> None:
        rng = generator(0, "bench")
        x = torch.from_numpy(rng.normal(size=(batch * steps, *SHAPE)).astype(np.float32))
        y = torch.from_numpy(rng.integers(0, 10, batch * steps))
        self._order, self._steps = torch.arange(len(y)), steps
        model = LocalModel(made, made.initial_weights(0), mask, Classification())
        self._trainer = Loop(model, x, y, Step(batch, lr=1e-3, optimizer=SGD(0.5, 0.0)))
        self.milliseconds()  # warms up

    def milliseconds(self) -> float:
        """Of one step, the mean over an epoch."""
        start = time.perf_counter()
        self._trainer.epoch(self._order)
        return 1000 * (time.perf_counter() - start) / self._steps


def compare(made: Architecture, mask: Mask, batch: int, arguments: argparse.Namespace) -> None:
    """Print the median and the spread of how many times as fast a step is without the channels."""
    dense = Stopwatch(made, Mask(), batch, arguments.steps)
    shrunk = Stopwatch(made, mask, batch, arguments.steps)
    pairs = [(dense.milliseconds(), shrunk.milliseconds()) for _ in range(arguments.pairs)]
    ratios = [whole / small for whole, small in pairs]
    whole, small = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"batch {batch}: dense {whole:.1f} ms, shrunk {small:.1f} ms a step; "
        f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f}, "
        f"goal {GOAL} for half of resnet20)"
    )


def main() -> None:
    """Print what the mask leaves of the multiply-adds, then a line for each batch size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--model", default="resnet20", help="a model's name")
    parser.add_argument("--share", type=float, default=0.5, help="share of the channels to remove")
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32], help="samples in a batch")
    parser.add_argument("--pairs", type=int, default=15, help="pairs to time")
    parser.add_argument("--steps", type=int, default=10, help="steps in each half of a pair")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = architecture(arguments.model, SHAPE, 10)
    mask = without_channels(made, arguments.share)
    left = cost_under(made, mask).multiply_adds / cost_under(made, Mask()).multiply_adds
    print(f"{arguments.model} without {arguments.share:.0%} of its channels: {left:.1%} of the multiply-adds")
    for batch in arguments.batch:
        compare(made, mask, batch, arguments)


if __name__ == "__main__":
    main()
