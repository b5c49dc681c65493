"""30 measurements of cell nuclei, 2 classes, 569 samples (Wisconsin); comes with scikit-learn, no download.

A table of features in the shape of images: (30, 1, 1), a channel for each feature. Features are standardised
by the training samples' mean and deviation and stored, as all sets are, in 8 bits: 256 levels from -4 to 4
standard deviations, so in steps of 0.03 of one. Of all values 0.4 % lie beyond and are clipped. Normalising
gives the standardised features back.
"""

from __future__ import annotations

import numpy as np

from fedprune.data.image_set import ImageSet, Samples
from fedprune.data.split import fifth_for_testing

FEATURES = 30
REACH = 4.0
"""Standard deviations to either side of the mean that the levels span."""


def read() -> tuple[Samples, Samples]:
    """The training and test samples: within each class a keyed fifth (rounded down) is the test split."""
    from sklearn.datasets import load_breast_cancer

    features, labels = load_breast_cancer(return_X_y=True)
    y = labels.astype(np.int64)
    test = fifth_for_testing("breast_cancer", y)
    standard = (features - features[~test].mean(axis=0)) / features[~test].std(axis=0)
    levels = np.rint((standard + REACH) * (255 / (2 * REACH))).clip(0, 255)
    x = levels.astype(np.uint8).reshape(-1, FEATURES, 1, 1)
    return Samples(x[~test], y[~test]), Samples(x[test], y[test])


SET = ImageSet(mean=(0.5,) * FEATURES, std=(1 / (2 * REACH),) * FEATURES, num_classes=2, read=read)
