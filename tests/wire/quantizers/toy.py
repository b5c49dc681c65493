"""Slots, values and keyed generators for tests of quantizers, and a test of unbiasedness."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fedprune.wire.quantizers import Quantized, Slot


def keyed(seed: int) -> Callable[[], np.random.Generator]:
    return partial(np.random.default_rng, seed)


def whole(*shape: int, name: str = "w") -> Slot:
    return Slot(name, shape, None)


def kept(shape: tuple[int, ...], places: list[int], name: str = "w") -> Slot:
    return Slot(name, shape, np.array(places, np.intp))


def encode(quantizer: Any, values: list[np.ndarray], slots: list[Slot], seed: int = 0) -> Quantized:
    result: Quantized = quantizer.quantize(values, slots, keyed(2 * seed), keyed(2 * seed + 1))
    return result


def decode(quantizer: Any, quantized: Quantized, slots: list[Slot], seed: int = 0) -> list[np.ndarray]:
    result: list[np.ndarray] = quantizer.dequantize(quantized, slots, keyed(2 * seed + 1))
    return result


def there_and_back(quantizer: Any, values: np.ndarray, slot: Slot | None = None, seed: int = 0) -> np.ndarray:
    slots = [slot or whole(values.size)]
    return decode(quantizer, encode(quantizer, [values], slots, seed), slots, seed)[0]


def relative_error(decoded: np.ndarray, values: np.ndarray) -> float:
    """Squared, over the energy of the values."""
    exact = values.astype(np.float64)
    return float(np.square(decoded - exact).sum() / np.square(exact).sum())


def assert_unbiased(quantizer: Any, values: np.ndarray, trials: int = 400) -> None:
    """The mean error over seeds is zero along the values and along 20 fixed random directions.

    Each of these 21 means is tested at 5.7 standard errors, which for 400 normal trials makes a false alarm
    less than once in 1,000,000. The seeds are fixed. What is allowed beside it, 1e-6 of the norm, is float32.
    """
    directions = np.vstack([values, np.random.default_rng(99).standard_normal((20, values.size))])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    errors = [
        directions @ (there_and_back(quantizer, values, seed=seed).astype(np.float64) - values)
        for seed in range(trials)
    ]
    mean, spread = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1)
    allowed = 5.7 * spread / np.sqrt(trials) + 1e-6 * np.linalg.norm(values)
    assert (np.abs(mean) <= allowed).all(), np.abs(mean) / allowed
