"""10 measurements of 442 patients and how far diabetes had gone a year later; bundled with scikit-learn.

Efron, Hastie, Johnstone, Tibshirani, Least Angle Regression, Annals of Statistics 32 (2), 2004.
"""

from __future__ import annotations

import numpy as np

from fedprune.data.declared import BundledSet
from fedprune.data.schema import Content, Samples, Targets
from fedprune.data.split import fifth_for_testing
from fedprune.data.standardise import table_features


def read() -> Content:
    """The training and test samples; a keyed fifth (rounded down) is the test split."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    y = bunch.target.astype(np.float32)
    test = fifth_for_testing("diabetes", np.zeros(len(y), np.int64))
    x = bunch.data.astype(np.float32)
    return Content(
        training=Samples(x[~test], y[~test]),
        test=Samples(x[test], y[test]),
        features=table_features(bunch.data[~test], tuple(map(str, bunch.feature_names))),
        targets=Targets(dtype="float32", names=("progression",), unit="points"),
        task="regression",
    )


SET = BundledSet(read)
