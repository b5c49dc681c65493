"""Devices: a model, its batches and its draws are on one, which torch's meta device shows without a GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedprune.compute.augmentation import CropAndFlip
from fedprune.compute.device import devices, find_device
from fedprune.compute.evaluate import fastest
from fedprune.compute.loop import Loop
from fedprune.compute.optimizers import Optimizer
from fedprune.compute.optimizers.adam import Adam
from fedprune.compute.optimizers.adamw import AdamW
from fedprune.compute.optimizers.sgd import SGD
from fedprune.compute.proximal import Proximal
from fedprune.compute.regularizers import Regularizers
from fedprune.compute.request import FitRequest, Keys, ModelState, Step
from fedprune.compute.trainers import trained
from fedprune.compute.trainers.sequential import Sequential
from fedprune.models import architecture
from fedprune.pruning.mask import Mask
from fedprune.tasks.classification import Classification
from fedprune.types import UserError

MODELS = [
    ("digits_cnn", (1, 8, 8), {"batch_norm": True}),
    ("mlp", (1, 8, 8), {"dropout": 0.5}),
    ("lenet5", (3, 32, 32), {}),
]
OPTIMIZERS = [SGD(0.9, 0.1), Adam(), AdamW()]


def request(
    device: torch.device, name: str, shape: tuple[int, ...], options: dict[str, object], optimizer: Optimizer
) -> FitRequest:
    """A training that uses all there is: a mask, penalties, a pull, augmentation, dropout where there is."""
    made, rng = architecture(name, shape, 10, options), np.random.default_rng(0)
    weights = made.initial_weights(0)
    mask = Mask({key: rng.random(made.shapes[key]) < 0.5 for key in made.prunable})
    x = torch.from_numpy(rng.normal(size=(23, *shape)).astype(np.float32)).to(device)
    y = torch.from_numpy(rng.integers(0, 10, 23)).to(device)
    return FitRequest(
        ModelState(made, weights, mask, Classification(), device),
        (x, y),
        epochs=2,
        step=Step(10, 0.01, optimizer, Regularizers(1e-4, 1e-4, 1e-4)),
        keys=Keys.named("test {}", 0, round=1, client=2),
        proximal=Proximal(0.1, made.initial_weights(1)),
        augmentation=CropAndFlip(torch.zeros(shape[0], device=device), padding=1, flip=True),
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda made: type(made).__name__)
@pytest.mark.parametrize(("name", "shape", "options"), MODELS, ids=[name for name, _, _ in MODELS])
def test_no_step_mixes_devices(
    name: str, shape: tuple[int, ...], options: dict[str, object], optimizer: Optimizer
) -> None:
    """Operations that mix the meta device with the CPU raise."""
    loop = Loop.of(request(torch.device("meta"), name, shape, options, optimizer))
    assert loop.steps(torch.arange(23)).device.type == "meta"
    assert fastest(loop.model.module, loop.x)(loop.x).shape == (23, 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
@pytest.mark.parametrize(("name", "shape", "options"), MODELS, ids=[name for name, _, _ in MODELS])
def test_training_on_cuda_is_training_on_the_cpu_but_for_rounding(
    name: str, shape: tuple[int, ...], options: dict[str, object]
) -> None:
    on_cpu, on_cuda = (
        trained(Sequential(), request(torch.device(device), name, shape, options, SGD(0.9, 0.1)))
        for device in ("cpu", "cuda:0")
    )
    for key, value in on_cpu.items():
        np.testing.assert_allclose(on_cuda[key], value, rtol=1e-2, atol=1e-3, err_msg=key)


def test_auto_is_the_best_device_and_one_that_is_missing_is_refused_in_one_line() -> None:
    assert find_device("auto") == torch.device(devices()[0])
    assert find_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match=r"no 'cuda:77', only .*cpu"):
        find_device("cuda:77")
