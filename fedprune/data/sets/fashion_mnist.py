"""28x28 grayscale articles of clothing, 10 classes, 60,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.declared import HubSet
from fedprune.data.schema import Augmentation, Features, Targets

SET = HubSet(
    repo="zalando-datasets/fashion_mnist",
    features=Features(
        shape=(1, 28, 28),
        mean=(0.2860,),
        std=(0.3530,),
        augmentation=Augmentation(padding=2, flip=True),
    ),
    targets=Targets(classes=10),
)
