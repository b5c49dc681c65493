"""30 measurements of cell nuclei, 2 classes, 569 samples (Wisconsin); bundled with scikit-learn."""

from __future__ import annotations

import numpy as np

from fedprune.data.declared import BundledSet
from fedprune.data.schema import Content, Samples, Targets
from fedprune.data.split import fifth_for_testing
from fedprune.data.standardise import table_features


def read() -> Content:
    """The training and test samples: within each class a keyed fifth (rounded down) is the test split."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    y = bunch.target.astype(np.int64)
    test = fifth_for_testing("breast_cancer", y)
    x = bunch.data.astype(np.float32)
    return Content(
        training=Samples(x[~test], y[~test]),
        test=Samples(x[test], y[test]),
        features=table_features(bunch.data[~test], tuple(map(str, bunch.feature_names))),
        targets=Targets(classes=2, names=tuple(map(str, bunch.target_names))),
    )


SET = BundledSet(read)
