"""28x28 grayscale handwritten digits, 10 classes, 60,000 training and 10,000 test samples."""

from __future__ import annotations

from fedprune.data.declared import HubSet
from fedprune.data.schema import Augmentation, Features, Targets

SET = HubSet(
    repo="ylecun/mnist",
    features=Features(
        shape=(1, 28, 28),
        mean=(0.1307,),
        std=(0.3081,),
        augmentation=Augmentation(padding=2),
    ),
    targets=Targets(classes=10),
)
