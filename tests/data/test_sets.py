"""Every known set: what it declares is what its samples are."""

from __future__ import annotations

import numpy as np
import pytest

from fedprune import plugins
from fedprune.data.declared import BundledSet, HubSet
from fedprune.data.schema import Features, Targets

SETS = {name: plugins.load("datasets", name).SET for name in plugins.names("datasets")}
BUNDLED = [name for name, declared in SETS.items() if isinstance(declared, BundledSet)]
HUB = [name for name, declared in SETS.items() if isinstance(declared, HubSet)]


def check(features: Features, targets: Targets) -> None:
    assert features.shape
    assert (features.mean is None) == (features.std is None)
    if features.mean is not None and features.std is not None:
        assert len(features.mean) == len(features.std) == features.shape[0]
        assert min(features.std) > 0
    assert targets.classes is None or targets.classes > 1
    assert targets.dtype == ("float32" if targets.classes is None else "int64")


@pytest.mark.parametrize("name", HUB)
def test_a_set_of_the_hub_declares_what_its_samples_need(name: str) -> None:
    declared = SETS[name]
    check(declared.features, declared.targets)
    assert declared.repo
    assert declared.client_key is None or declared.client_key in declared.columns


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_set_is_what_it_says(name: str) -> None:
    content = SETS[name].read()
    features, targets = content.features, content.targets
    check(features, targets)
    for samples in (content.training, content.test):
        assert samples.x.shape == (len(samples.y), *features.shape)
        assert samples.x.dtype == np.dtype(features.dtype)
        assert samples.y.shape[1:] == targets.shape
        assert samples.y.dtype == np.dtype(targets.dtype)
        assert all(len(column) == len(samples.y) for column in samples.columns.values())
        assert content.client_key is None or content.client_key in samples.columns
        if targets.classes is not None:
            assert samples.y.min() >= 0
            assert samples.y.max() < targets.classes
        if features.vocabulary is not None:
            assert samples.x.max() < features.vocabulary
