from __future__ import annotations

import pytest

from fedprune import plugins
from fedprune.data.image_set import ImageSet


@pytest.mark.parametrize("name", plugins.names("datasets"))
def test_a_set_declares_what_its_samples_need(name: str) -> None:
    declared = plugins.load("datasets", name).SET
    assert isinstance(declared, ImageSet)
    assert len(declared.mean) == len(declared.std) >= 1
    assert min(declared.std) > 0
    assert declared.num_classes > 1
    assert bool(declared.repo) != (declared.read is not None)
    assert declared.test_by is None or declared.test_by in declared.columns
