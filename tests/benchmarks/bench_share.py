"""What codecs take of a LeNet-5 client's time: encoding and decoding over its local training.

Run ``python tests/benchmarks/bench_share.py [repeats]`` after ``pip install -e .``. The paper's setting: 500
images of CIFAR-10's shape (noise: what is on them takes no time), 5 epochs, batches of 10, half of the
weights kept, one thread. Encoding and decoding are counted together, as if one processor did both, of three
messages: an update whose mask is a step of 10 % beyond the one known, as Sub-FedAvg prunes; an update all of
whose zeros are new; and an order. The goal: an update in at most 2 % of processor time, as the median over
repeats, each of which trains once and then codes once by every codec.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import torch

from fedprune.compute.loop import Loop
from fedprune.compute.model import LocalModel
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.request import Step
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.saved_update import synthetic
from fedprune.seeds import generator
from fedprune.tasks.classification import Classification
from fedprune.types import Arrays
from fedprune.wire.bits import KEYS, Specimen
from fedprune.wire.codec import Reference, decode_payload, encode_payload
from fedprune.wire.pipeline import Pipeline
from fedprune.wire.quantizers.eden import Eden
from fedprune.wire.quantizers.uniform import Uniform

SHAPE, SAMPLES, EPOCHS, BATCH, GOAL = (3, 32, 32), 500, 5, 10, 0.02
CODECS = {
    "fp32, entropy masks": Pipeline(),
    "8 bits, ans, context masks": Pipeline("context", Uniform(8), "ans", base="update"),
    "4 bits, ans, context masks": Pipeline("context", Uniform(4), "ans", base="update"),
    "EDEN, 1 bit, context masks": Pipeline("context", Eden(), "ans", base="update"),
}


def training(update: Specimen) -> float:
    """Seconds of one client's local training."""
    made, rng = architecture("lenet5", SHAPE, 10), generator(0, "bench")
    x = torch.from_numpy(rng.normal(size=(SAMPLES, *SHAPE)).astype(np.float32))
    y = torch.from_numpy(rng.integers(0, 10, SAMPLES))
    model = LocalModel(made, made.initial_weights(0), update.mask or Mask(), Classification())
    trainer = Loop(model, x, y, Step(BATCH, lr=0.01, optimizer=SGD(0.5, 0.0)))
    start = time.process_time()
    for _ in range(EPOCHS):
        trainer.epoch(torch.arange(SAMPLES))
    return time.process_time() - start


def there_and_back(arrays: Arrays, mask: Mask | None, reference: Reference, pipeline: Pipeline) -> float:
    """Seconds to encode and decode a message."""
    shapes = {name: value.shape for name, value in arrays.items()}
    maskable = {name: kept.shape for name, kept in (mask or {}).items()}
    start = time.process_time()
    parts = encode_payload(arrays, mask, reference, pipeline, KEYS).parts
    decode_payload(parts, shapes, reference, maskable, mask is not None, pipeline, KEYS)
    return time.process_time() - start


def coding(update: Specimen, before: Mask, pipeline: Pipeline) -> tuple[float, ...]:
    """Seconds of an update one step beyond the mask ``before``, of one with none before, and of an order."""
    mask = update.mask or Mask()
    held = {name: value for name, value in update.held.items() if value.ndim > 1}
    weights = {name: update.held[name] + value for name, value in update.arrays.items()}
    return (
        there_and_back(weights, mask, Reference(before, held), pipeline),
        there_and_back(weights, mask, Reference(Mask(), held), pipeline),
        there_and_back(update.held, None, Reference(mask, held), pipeline),
    )


def main() -> None:
    """Print the seconds of training, and what each codec takes for an update, as a share of them too."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.set_num_threads(1)
    update, before = synthetic("lenet5", 0.5), synthetic("lenet5", 0.5 / 0.9).mask or Mask()
    trained: list[float] = []
    coded: dict[str, list[tuple[float, ...]]] = {name: [] for name in CODECS}
    for repeat in range(repeats + 1):
        seconds = training(update)
        taken = {name: coding(update, before, pipeline) for name, pipeline in CODECS.items()}
        if repeat:  # The first one warms up.
            trained.append(seconds)
            for name, one in taken.items():
                coded[name].append(one)
    print(f"training: {statistics.median(trained):.2f} s (median of {repeats})")
    for name, times in coded.items():
        said = [
            f"{1000 * statistics.median(one):.1f} ms, {statistics.median(np.divide(one, trained)):.2%}"
            for one in zip(*times, strict=True)
        ]
        print(f"{name}: a step {said[0]}; all new {said[1]} (goal {GOAL:.0%}); an order {said[2]}")


if __name__ == "__main__":
    main()
