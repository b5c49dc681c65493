"""How long a stack of convolutions takes onnxruntime at batch 1 on one thread, by its number of channels.

python tests/benchmarks/bench_channels.py
"""

from __future__ import annotations

from functools import partial

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from fedprune.export.runtime import INPUT, OUTPUT, runner
from fedprune.latency.measure import interleaved

CHANNELS = (3, 4, 6, 8, 9, 12, 15, 16, 17, 20, 24, 32, 36, 40)
DEPTH, SIZE = 6, 16


def stack(channels: int) -> bytes:
    """DEPTH convolutions of 3 by 3, each with a ReLU, on maps of SIZE by SIZE, as an ONNX file."""
    rng, nodes, kernels, given = np.random.default_rng(0), [], [], INPUT
    for layer in range(DEPTH):
        kernel = rng.normal(0, 0.1, (channels, channels, 3, 3)).astype(np.float32)
        kernels.append(numpy_helper.from_array(kernel, f"kernel{layer}"))
        nodes.append(helper.make_node("Conv", [given, f"kernel{layer}"], [f"sum{layer}"], pads=[1, 1, 1, 1]))
        given = f"map{layer}" if layer < DEPTH - 1 else OUTPUT
        nodes.append(helper.make_node("Relu", [f"sum{layer}"], [given]))
    shape = [1, channels, SIZE, SIZE]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in (INPUT, OUTPUT)]
    graph = helper.make_graph(nodes, "stack", ends[:1], ends[1:], kernels)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    data: bytes = made.SerializeToString()
    return data


def main() -> None:
    rng = np.random.default_rng(0)
    asked = {
        channels: partial(
            runner(stack(channels), "onnx"), rng.normal(size=(1, channels, SIZE, SIZE)).astype(np.float32)
        )
        for channels in CHANNELS
    }
    print("| channels | microseconds |\n| ---: | ---: |")
    for channels, timing in interleaved(asked, 240).items():
        print(f"| {channels} | {1e6 * timing.best:.0f} |")


if __name__ == "__main__":
    main()
