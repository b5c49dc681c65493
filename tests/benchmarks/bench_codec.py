"""Speed and memory of codecs on a model of 11 million values, on one core.

Run ``python tests/benchmarks/bench_codec.py [codec ...]`` after ``pip install -e .``; names are those of
``fedprune bits``, or of ``WHOLE`` below. ``--one`` makes one layer of all values, the worst case for whatever
works by layers. Goals: 20 million values a second each way for int8 with ANS, and for every codec at most 4
times the bytes of the float32 values in memory beside them.

Memory is the rise of the process's resident set to its high-water mark, which counts what NumPy, Rust and C
allocate alike (tracemalloc would see NumPy's only). It includes the message, and on the receiver's side the
decoded arrays. Each codec has a process of its own for it, in which freed memory goes back at once; times are
measured in another. Linux only.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fedprune.pruning.mask import Mask
from fedprune.types import Arrays, Shapes
from fedprune.wire.bits import KEYS, codecs
from fedprune.wire.codec import Encoded, Reference, decode_payload, encode_payload
from fedprune.wire.pipeline import Pipeline
from fedprune.wire.quantizers.uniform import Uniform

GOAL_SPEED, GOAL_MEMORY = 20.0, 4.0
INT8 = "uniform + ans"
WHOLE = {
    "update, 8 bits, context mask of half": Pipeline("context", Uniform(), "ans", base="update"),
    "tracked, 4 bits": Pipeline(quantizer=Uniform(4), entropy="ans", base="tracked"),
    "top 5 %, 4 bits, residual": Pipeline(
        quantizer=Uniform(4), entropy="ans", base="update", sparsify=0.05, feedback="residual"
    ),
}
"""Name -> what has more stages than a quantizer and an entropy coder."""


def shapes(one: bool) -> Shapes:
    """Kernels of a ResNet-18 for small images (11,164,352 values), or one matrix of about as many."""
    if one:
        return {"fc.weight": (3344, 3344)}
    found: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 3, 3), "fc.weight": (10, 512)}
    before = 64
    for stage, width in enumerate((64, 128, 256, 512)):
        for place in range(4):
            found[f"layer{stage}.{place}.weight"] = (width, before, 3, 3)
            before = width
    return found


class Case:
    """One codec, and the values that it is tried on."""

    def __init__(self, name: str, one: bool) -> None:
        self.pipeline = (codecs() | WHOLE)[name]
        self.shapes, rng = shapes(one), np.random.default_rng(0)
        self.arrays = self._normal(rng)
        self.mask = None
        held: Arrays = {}
        if self.pipeline.uses_held:
            held = self._normal(rng)
        if self.pipeline.coding.__name__.endswith("context"):
            self.mask = Mask({key: np.abs(value) > 0.67 for key, value in held.items()})
        self.reference = Reference(Mask(), held)

    def _normal(self, rng: np.random.Generator) -> Arrays:
        return {key: rng.standard_normal(shape, np.float32) for key, shape in self.shapes.items()}

    @property
    def values(self) -> int:
        return sum(value.size for value in self.arrays.values())

    def encode(self) -> Encoded:
        return encode_payload(self.arrays, self.mask, self.reference, self.pipeline, KEYS)

    def decode(self, encoded: Encoded) -> object:
        maskable = {} if self.mask is None else self.shapes
        travels = self.mask is not None
        return decode_payload(
            encoded.parts, self.shapes, self.reference, maskable, travels, self.pipeline, KEYS
        )


def status(key: str) -> int:
    """Bytes that the kernel says of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise KeyError(key)


def rise(work: Callable[[], object]) -> int:
    """By how many bytes the resident set rises during ``work``."""
    Path("/proc/self/clear_refs").write_text("5")  # The high-water mark falls to what is resident now.
    before = status("VmRSS")
    work()
    return status("VmHWM") - before


def measure_memory(case: Case) -> tuple[float, float]:
    """Rise to encode and to decode, in times the values."""
    encoded: list[Encoded] = []
    size = 4 * case.values
    return rise(lambda: encoded.append(case.encode())) / size, rise(lambda: case.decode(encoded[0])) / size


def measure_speed(case: Case, repeats: int = 3) -> tuple[float, float]:
    """Million values a second, encoded and decoded; medians of processor time."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        begun = time.process_time()
        encoded = case.encode()
        middle = time.process_time()
        case.decode(encoded)
        spent[0].append(middle - begun)
        spent[1].append(time.process_time() - middle)
    million = case.values / 1e6
    return million / statistics.median(spent[0]), million / statistics.median(spent[1])


def child(what: str, name: str, one: bool) -> list[float]:
    """A measurement in a process of its own."""
    # Freed blocks above 64 KiB go back to the system at once, so that nothing hides in what is kept.
    tuned = {"MALLOC_MMAP_THRESHOLD_": "65536"} if what == "memory" else {}
    command = [sys.executable, __file__, name, "--measure", what, *(["--one"] if one else [])]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=os.environ | threads | tuned, stdout=subprocess.PIPE, text=True, check=True
    )
    return [float(number) for number in done.stdout.split()]


def main() -> None:
    """Print a line for each codec."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("codec", nargs="*", help="default: every quantizer with ANS, and whole pipelines")
    parser.add_argument("--one", action="store_true", help="one layer instead of a ResNet-18's")
    parser.add_argument("--measure", choices=["memory", "speed"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure = {"memory": measure_memory, "speed": measure_speed}[arguments.measure]
        print(*measure(Case(arguments.codec[0], arguments.one)))
        return
    names = arguments.codec or ["fp32", *(name for name in codecs() if name.endswith("+ ans")), *WHOLE]
    print("codec: million values a second to encode, to decode; memory in times the values, likewise")
    for name in names:
        speed, memory = (child(what, name, arguments.one) for what in ("speed", "memory"))
        goals = f"  goal {GOAL_SPEED:.0f} each way" if name == INT8 else ""
        beyond = "  BEYOND 4" if max(memory) > GOAL_MEMORY else ""
        print(
            f"{name:40} {speed[0]:6.1f} {speed[1]:6.1f}{goals}   {memory[0]:5.2f} {memory[1]:5.2f}{beyond}",
            flush=True,
        )


if __name__ == "__main__":
    main()
