"""Time networks with fewer channels at batch 1 on one thread of onnxruntime, side by side.

python docs/latency_by_width.py lenet5 resnet20 vgg11 --queries 400

Each network loses the last channels of every layer, as many as pruning by any criterion would. Times are
"best ms" of ``fedprune latency``: the median over turns of the shortest answer in each.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from fedprune import text_table
from fedprune.export.file import model_file
from fedprune.export.form import Form, Precision
from fedprune.export.graphs import Graphs
from fedprune.export.runtime import runner
from fedprune.latency import interleaved
from fedprune.models import Architecture, architecture
from fedprune.pruning.channels import prune_channels
from fedprune.pruning.cost import cost
from fedprune.pruning.mask import Mask
from fedprune.pruning.shrink import shrink

WIDTHS = (
    ("dense", 0.0, 1),
    ("9/16", 7 / 16, 1),
    ("9/16 in eights", 7 / 16, 8),
    ("half", 0.5, 1),
    ("quarter", 0.75, 1),
)
"""Name, share of channels that go, and the multiple that those left are rounded up to."""
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
HEADER = ("model", "million multiply-adds", "fp32 ms", "x dense", "int8 ms", "x dense")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("model", nargs="+")
    asked.add_argument("--queries", type=int, default=400)
    arguments = asked.parse_args()
    lines = [line for name in arguments.model for line in measured(name, arguments.queries)]
    print(text_table.markdown(HEADER, lines))


def measured(name: str, queries: int) -> list[tuple[str, ...]]:
    """The rows of one model on images of CIFAR-10's shape."""
    made, rng = architecture(name, (3, 32, 32), 10), np.random.default_rng(0)
    samples = rng.standard_normal((32, *made.input_shape)).astype(np.float32)
    answers, sizes = {}, {}
    for label, amount, multiple in WIDTHS:
        network, _ = shrink(made, made.initial_weights(0), narrowed(made, amount, multiple))
        sizes[label], graphs = cost(network, made.example()).multiply_adds, Graphs()
        for precision in PRECISIONS:
            file = model_file(network, made.example(2), samples, Form("onnx", precision), graphs)
            answers[label, precision] = runner(file.data(), "onnx", batch=1)
    asked = {key: partial(answer, samples[:1]) for key, answer in answers.items()}
    best = {key: timing.best for key, timing in interleaved(asked, queries).items()}
    lines = []
    for label, _, _ in WIDTHS:
        cells = [f"{name} {label}", f"{sizes[label] / 1e6:.2f}"]
        for precision in PRECISIONS:
            seconds = best[label, precision]
            cells += [f"{1e3 * seconds:.3f}", f"{best['dense', 'fp32'] / seconds:.2f}"]
        lines.append(tuple(cells))
    return lines


def narrowed(made: Architecture, amount: float, multiple: int) -> Mask:
    """A mask without the last channels of each group."""
    return prune_channels(
        made.initial_weights(0),
        Mask(),
        made.groups,
        made.shapes,
        amount,
        lambda _, group: -np.arange(group.size, dtype=np.float64),
        multiple=multiple,
    )


if __name__ == "__main__":
    main()
