"""8x8 grayscale handwritten digits, 10 classes, 1,797 samples; comes with scikit-learn, needs no download."""

from __future__ import annotations

import numpy as np

from fedprune.data.declared import BundledSet
from fedprune.data.schema import Augmentation, Content, Features, Samples, Targets
from fedprune.data.split import fifth_for_testing

FEATURES = Features((1, 8, 8), mean=(0.3053,), std=(0.3761,), augmentation=Augmentation(padding=1))


def read() -> Content:
    """The training and test samples: within each class a keyed fifth (rounded down) is the test split."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # Pixels are whole numbers 0..16.
    x = np.rint(images * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    y = labels.astype(np.int64)
    test = fifth_for_testing("digits", y)
    training, testing = Samples(x[~test], y[~test]), Samples(x[test], y[test])
    return Content(training, testing, FEATURES, Targets(classes=10))


SET = BundledSet(read)
